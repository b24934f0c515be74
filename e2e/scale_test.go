package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkProcesses has 1, 2 and 4 processes on one database hand out credentials, and refresh them, and tells what that costs
// them and the database server in CPU time. The callers and the provider take the same cores, so what scales is told by the cost
// of a request, not by the rate.
func BenchmarkProcesses(b *testing.B) {
	for _, kind := range []database{sqlite, postgresql} {
		for _, processes := range []int{1, 2, 4} {
			for name, force := range map[string]bool{"credentials": false, "refresh": true} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, kind.name, processes), func(b *testing.B) {
					f := startFleet(b, kind, processes)
					f.measure(b, f.register(soaked, 200, time.Now().Add(time.Hour)), force)
				})
			}
		}
	}
}

// measure asks b.N times for the credentials of connections, once the processes have opened what they need for that.
func (f *fleet) measure(b *testing.B, list []held, force bool) {
	f.request(b, 500*len(f.processes), list, force)
	servers, database := f.cpu()
	b.ResetTimer()
	f.request(b, b.N, list, force)
	b.StopTimer()
	serversAfter, databaseAfter := f.cpu()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(1000*(serversAfter-servers)/float64(b.N), "server-ms/request")
	b.ReportMetric(1000*(databaseAfter-database)/float64(b.N), "database-ms/request")
	b.ReportMetric(0, "ns/op")
}

// request asks n times for the credentials of connections, by 32 callers who go round the processes.
func (f *fleet) request(b *testing.B, n int, list []held, force bool) {
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				if got := f.ask(b.Context(), f.processes[i%len(f.processes)], list[i%len(list)], force); got.code != "" {
					b.Error(got.code)
				}
			}
		})
	}
	callers.Wait()
}

// cpu gives the seconds of CPU time that the processes and the database server have taken.
func (f *fleet) cpu() (servers, database float64) {
	f.t.Helper()
	for _, s := range f.processes {
		servers += cpuOf(strconv.Itoa(s.cmd.Process.Pid), false)
	}
	if f.postgres == nil {
		return servers, 0
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		f.t.Fatal(err)
	}
	main := ""
	for _, entry := range entries { // in the order of their ids, the server before its sessions
		line, _ := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		stat, _ := os.ReadFile("/proc/" + entry.Name() + "/stat")
		parent := fieldsOf(stat)
		switch {
		case bytes.Contains(line, []byte(f.postgres.Folder())) && bytes.Contains(line, []byte("/postgres\x00-D")):
			main = entry.Name()
			database += cpuOf(main, true)
		case main != "" && len(parent) > 1 && parent[1] == main:
			database += cpuOf(entry.Name(), false)
		}
	}
	return servers, database
}

// fieldsOf gives the fields of /proc/<pid>/stat from the third on: the state, the parent …
func fieldsOf(stat []byte) []string {
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(rest)
}

// cpuOf gives the seconds of CPU time of a process, with those of its children that have ended.
func cpuOf(pid string, ended bool) float64 {
	const perSecond = 100 // ticks
	stat, _ := os.ReadFile("/proc/" + pid + "/stat")
	fields := fieldsOf(stat)
	if len(fields) < 15 {
		return 0
	}
	times := fields[11:13]
	if ended {
		times = fields[11:15]
	}
	total := 0.0
	for _, text := range times {
		ticks, _ := strconv.ParseFloat(text, 64)
		total += ticks
	}
	return total / perSecond
}
