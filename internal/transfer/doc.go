// Package transfer moves what a database holds into a file and from there into another one, whatever they run on. It owns the
// format of the file, which is lines of JSON, and how secrets in it are sealed under a passphrase. It never writes a secret
// in clear, and decides nothing about connections: they arrive as they left.
package transfer
