package webhooks

import (
	"math/rand/v2"
	"time"
)

// waits are how long to wait after each failed try; together about a day. After the last one the delivery is given up.
var waits = []time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 8 * time.Hour, 8 * time.Hour,
}

// jitter is by what part a wait may be longer or shorter, so that what failed together does not come back together.
const jitter = 0.1

// waitAfter gives how long to wait after so many tries have failed, and false where that is enough. chance is from 0 to 1.
func waitAfter(tries int, chance float64) (time.Duration, bool) {
	if tries > len(waits) {
		return 0, false
	}
	return time.Duration(float64(waits[tries-1]) * (1 + jitter*(2*chance-1))), true
}

func chance() float64 { return rand.Float64() }

// failsTooLong is for how long everything may fail before an endpoint is disabled.
const failsTooLong = 4 * 24 * time.Hour

// triedFor is longer than a delivery waits, also where the server was down for a day or two meanwhile.
const triedFor = 4 * 24 * time.Hour

// failsStill is how long before it is disabled something else must have failed.
const failsStill = 24 * time.Hour
