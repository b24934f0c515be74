// Package e2e holds the journeys of people through the built program: a real server process, a real browser, and real
// providers to connect to. Nothing here looks inside the program but to open its vault and to let time pass for it.
package e2e
