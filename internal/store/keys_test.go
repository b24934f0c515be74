package store_test

import (
	"testing"

	"github.com/patchbay/patchbay/internal/store/storetest"
)

// The suite runs on the database that PATCHBAY_TEST_DB names.
func TestKeys(t *testing.T) { storetest.RunKeys(t) }
