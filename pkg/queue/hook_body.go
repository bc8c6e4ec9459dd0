package queue

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

const (
	// compressFrom is from which size on a body is compressed.
	compressFrom = 64 << 10
	// maxHook bounds a body after decompression.
	maxHook = 16 << 20
)

// Headers that say how a body is stored.
const (
	headerEncoding = "Wacast-Encoding"
	encodingGzip   = "gzip"
	// headerParts lists the sequences of a body that is too large for one message.
	headerParts = "Wacast-Parts"
)

// errParts marks a body of which something is gone.
var errParts = errors.New("a part of the body is gone")

// pack compresses a large body, and stores one that is too large all the same in
// parts, before the message that lists them. It says so in the header.
func (w *Webhooks) pack(ctx context.Context, id string, body []byte, header nats.Header) ([]byte, error) {
	data := body
	if len(body) > compressFrom {
		var err error
		if data, err = compress(body); err != nil {
			return nil, err
		}
		header[headerEncoding] = []string{encodingGzip}
	}
	most := int(w.nc.MaxPayload()) - headerRoom
	if most <= 0 || len(data) <= most {
		return data, nil
	}
	var parcels []parcel
	for len(data) > 0 {
		n := min(most, len(data))
		parcels = append(parcels, parcel{
			subject: w.names.webhookSubject(boxPart), msgID: boxPart + "/" + id + "/" + strconv.Itoa(len(parcels)),
			header: withTTL(nil, partMaxAge), data: data[:n],
		})
		data = data[n:]
	}
	places, err := w.flight.sendAll(ctx, parcels, nil)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(places))
	for i, place := range places {
		list[i] = strconv.FormatUint(place, 10)
	}
	header[headerParts] = []string{strings.Join(list, ",")}
	return nil, nil
}

func compress(body []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unpack undoes pack. The error is [errParts] when the body will never be whole.
func (d direct) unpack(ctx context.Context, m *nats.Msg) ([]byte, error) {
	data := m.Data
	if list := m.Header.Get(headerParts); list != "" {
		var err error
		if data, err = d.join(ctx, list); err != nil {
			return nil, err
		}
	}
	if m.Header.Get(headerEncoding) != encodingGzip {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errParts
	}
	body, err := io.ReadAll(io.LimitReader(z, maxHook))
	if err != nil {
		return nil, errParts
	}
	return body, nil
}

// join reads the parts of a body.
func (d direct) join(ctx context.Context, list string) ([]byte, error) {
	places := partsOf(list)
	if len(places) == 0 {
		return nil, errParts
	}
	parts := make([][]byte, len(places))
	if err := d.get(ctx, places, func(i int, data []byte) { parts[i] = data }); err != nil {
		return nil, err
	}
	for _, part := range parts {
		if part == nil {
			return nil, errParts
		}
	}
	return bytes.Join(parts, nil), nil
}

// partsOf reads a list of parts; none is one that nobody here has written.
func partsOf(list string) []uint64 {
	var places []uint64
	for text := range strings.SplitSeq(list, ",") {
		place, err := strconv.ParseUint(text, 10, 64)
		if err != nil || place == 0 || len(places) > maxHook>>10 {
			return nil
		}
		places = append(places, place)
	}
	return places
}
