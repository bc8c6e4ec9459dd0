package job_test

import (
	"testing"

	"github.com/wacast/wacast/pkg/job"
)

func encoded(b *testing.B) []byte {
	b.Helper()
	data, err := job.Encode(exampleJob())
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func BenchmarkDecode(b *testing.B) {
	data := encoded(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := job.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	j := exampleJob()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := job.Encode(j); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBodyHash(b *testing.B) {
	j := exampleJob()
	b.ReportAllocs()
	for b.Loop() {
		j.BodyHash()
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	e := fullEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := job.EncodeEvent(&e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	e := fullEvent()
	data, err := job.EncodeEvent(&e)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := job.DecodeEvent(data); err != nil {
			b.Fatal(err)
		}
	}
}
