package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrServerTooOld marks a NATS server without message schedules.
var ErrServerTooOld = errors.New("NATS server is too old")

// ErrNewerLayout marks streams or a bucket of a newer wacast.
var ErrNewerLayout = errors.New("laid out by a newer wacast")

// Oldest server with message schedules.
const minMajor, minMinor = 2, 12

// Ensure creates the streams and buckets that are missing and changes the limits
// of those wacast created. What is different all the same is returned: settings
// that cannot be changed in place, and streams that somebody else manages.
func Ensure(ctx context.Context, js jetstream.JetStream, t Topology) ([]Difference, error) {
	if err := checkServer(js.Conn().ConnectedServerVersion()); err != nil {
		return nil, err
	}
	var left []Difference
	for _, want := range t.assets() {
		diffs, err := want.ensure(ctx, js)
		if err != nil {
			return left, fmt.Errorf("ensure %s: %w", want.config.Name, explain(err))
		}
		left = append(left, diffs...)
	}
	return left, nil
}

// Diff compares the account with the topology and changes nothing.
func Diff(ctx context.Context, js jetstream.JetStream, t Topology) ([]Difference, error) {
	if err := checkServer(js.Conn().ConnectedServerVersion()); err != nil {
		return nil, err
	}
	var diffs []Difference
	for _, want := range t.assets() {
		have, err := want.read(ctx, js)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			diffs = append(diffs, Difference{Stream: want.config.Name, Setting: "stream", Have: "missing", Want: "there", Required: true})
		case err != nil:
			return diffs, fmt.Errorf("compare %s: %w", want.config.Name, explain(err))
		default:
			diffs = append(diffs, want.compare(have)...)
		}
	}
	return diffs, nil
}

// asset is a stream or a bucket, which is a stream of a certain form.
type asset struct {
	config jetstream.StreamConfig
	bucket *jetstream.KeyValueConfig // nil for a plain stream
}

func (t Topology) assets() []asset {
	var all []asset
	for _, s := range t.Streams {
		all = append(all, asset{config: s})
	}
	for _, b := range t.Buckets {
		all = append(all, asset{bucket: &b, config: jetstream.StreamConfig{
			Name: "KV_" + b.Bucket, MaxMsgSize: b.MaxValueSize, MaxAge: b.TTL, Replicas: b.Replicas, Metadata: b.Metadata,
		}})
	}
	return all
}

func (a asset) read(ctx context.Context, js jetstream.JetStream) (jetstream.StreamConfig, error) {
	s, err := js.Stream(ctx, a.config.Name)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return s.CachedInfo().Config, nil
}

func (a asset) ensure(ctx context.Context, js jetstream.JetStream) ([]Difference, error) {
	have, err := a.read(ctx, js)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err := a.create(ctx, js); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return nil, err
		}
		have, err = a.read(ctx, js) // another worker may have been faster
	}
	if err != nil {
		return nil, err
	}
	if err := checkLayout(have); err != nil {
		return nil, err
	}
	diffs := a.compare(have)
	if have.Metadata[managedBy] == "" || !a.adjust(&have) {
		return diffs, nil
	}
	if have, err = update(ctx, js, have); err != nil {
		return nil, err
	}
	return a.compare(have), nil
}

// checkLayout refuses a stream that a newer wacast has laid out in another way.
func checkLayout(have jetstream.StreamConfig) error {
	v, err := strconv.Atoi(have.Metadata[managedBy])
	if err != nil || v <= layoutVersion {
		return nil // nobody's, or ours
	}
	return fmt.Errorf("%w: it has layout %d and this build knows %d; run a wacast that knows layout %d", ErrNewerLayout, v, layoutVersion, v)
}

func (a asset) create(ctx context.Context, js jetstream.JetStream) error {
	if a.bucket != nil {
		_, err := js.CreateKeyValue(ctx, *a.bucket)
		return err
	}
	_, err := js.CreateStream(ctx, a.config)
	return err
}

func update(ctx context.Context, js jetstream.JetStream, config jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	s, err := js.UpdateStream(ctx, config)
	if err != nil {
		return config, err
	}
	return s.CachedInfo().Config, nil
}

// explain adds what to do about it to the errors an operator can mend.
func explain(err error) error {
	const noSpace = 10047
	if api := apiError(err); api != nil && api.ErrorCode == noSpace {
		return fmt.Errorf("%w: give JetStream more storage or lower WACAST_JOBS_MAX_BYTES", err)
	}
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return fmt.Errorf("%w: start nats-server with -js, or enable JetStream for the account", err)
	}
	return missing(err)
}

// checkServer refuses a server that would ignore schedules and so lose what is
// put off.
func checkServer(version string) error {
	major, minor, ok := parseVersion(version)
	if !ok || major > minMajor || major == minMajor && minor >= minMinor {
		return nil // a version of no known form is somebody's own build
	}
	return fmt.Errorf("%w: it is version %s, wacast needs %d.%d or later for message schedules; upgrade nats-server", ErrServerTooOld, version, minMajor, minMinor)
}

func parseVersion(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}
