// Package views owns every HTML page: one typed XPage struct for each, holding only what is shown, and the templ
// components they are made of. It reads no store, knows no HTTP framework, and decides nothing but how things look.
package views
