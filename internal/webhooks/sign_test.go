package webhooks

import (
	"testing"
	"time"

	"github.com/patchbay/patchbay/models"
)

// The example of the Standard Webhooks libraries.
func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	got, err := signature("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, secret := range []models.Secret{"", "whsec_", "whsec_!"} {
		if got, err := signature("m", time.Unix(0, 0), "", secret); err == nil {
			t.Errorf("%s signs: %s", secret.Reveal(), got)
		}
	}
}

func TestWaitsGrowAndEnd(t *testing.T) {
	var total time.Duration
	for tries := 1; tries <= len(waits); tries++ {
		least, more := waitAfter(tries, 0)
		most, _ := waitAfter(tries, 1)
		if !more || least >= waits[tries-1] || most <= waits[tries-1] || most > 2*waits[tries-1] {
			t.Errorf("after %d: from %v to %v", tries, least, most)
		}
		total += waits[tries-1]
	}
	if _, more := waitAfter(len(waits)+1, 0); more || total < 23*time.Hour || total > 24*time.Hour {
		t.Errorf("%v in all", total)
	}
}
