package ratelimit

import (
	"strconv"
	"strings"
)

// paceSource reads what is kept of a number and settles it, as pace.settle and
// pace.part do. It leaves now, free, share (0 if none is kept), cut, till and part.
//
// KEYS[1] is a string: the next free time alone, or with what is left of a slowdown
// "free share cut until"; times in microseconds, share in thousandths.
const paceSource = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('GET', KEYS[1])
local free, share, cut, till, part = tonumber(kept or 0), 0, 0, 0, FULL
if not free then
  local f, s, c, u = string.match(kept, '^(%d+) (%d+) (%d+) (%d+)$')
  free, share, cut, till = tonumber(f or 0), tonumber(s or 0), tonumber(c or 0), tonumber(u or 0)
end
if share > 0 then
  if now < cut then
    till = till - (cut - now)
    cut = now
  end
  part = math.min(FULL, share + math.floor(math.max(0, now - math.max(cut, till)) / RECOVER))
  if till <= now and part == FULL then
    share, cut, till = 0, 0, 0
  end
end
`

// keepSource writes it back, for twice the longest spacing, unless nothing changed:
// replicas that ask for slots that are gone cost no write.
const keepSource = `
local keep = string.format('%.0f', free)
if share > 0 then
  keep = keep .. string.format(' %.0f %.0f %.0f', share, cut, till)
end
if keep ~= kept then
  redis.call('SET', KEYS[1], keep, 'EX', 172800)
end
`

// nextScript is pace.next on Redis's clock.
//
// KEYS[1] as paceSource has it.
// ARGV    spacing of the full limit, horizon (microseconds), slots wanted.
// Returns delay of the first slot, count, delay after which to ask again, the
// slots' spacing, share.
var nextScript = newSlotScript(paceSource + `
local spacing, want = tonumber(ARGV[1]), tonumber(ARGV[3])
if part < FULL then
  spacing = math.min(math.floor((spacing * FULL + part - 1) / part), LONGEST)
end
local last = now + ARGV[2]
if free == 0 then
  free = last
elseif free < now then
  free = now
elseif free > last + spacing then
  free = last + spacing
end
if free < till then
  free = till
end
local count, first, again = 0, 0, 0
if free <= last then
  count = math.min(want, math.floor((last - free) / spacing) + 1)
  first = free - now
  free = free + count * spacing
end
if count < want then
  again = free - last
end
` + keepSource + `
return {first, count, again, spacing, part}
`)

// slowScript is pace.slow on Redis's clock.
//
// KEYS[1] as paceSource has it.
// ARGV    hold (microseconds).
// Returns 1.
var slowScript = newSlotScript(paceSource + `
local since = now - cut
if share == 0 or since >= REACTION then
  local to = GENTLE
  if share > 0 and since < STORM then
    to = SHARP
  end
  share, cut = math.max(LEAST, math.floor(part * to / FULL)), now
end
till = math.max(till, now + ARGV[1])
` + keepSource + `
return 1
`)

// stateScript only reads.
//
// KEYS[1] as paceSource has it.
// Returns share, hold left (microseconds).
var stateScript = newSlotScript(paceSource + `
return {part, math.max(0, till - now)}
`)

// newSlotScript puts the figures of the pure functions into a source.
func newSlotScript(source string) script {
	figure := func(n int64) string { return strconv.FormatInt(n, 10) }
	return newScript(strings.NewReplacer(
		"FULL", figure(fullShare), "LEAST", figure(leastShare), "GENTLE", figure(gentleCut), "SHARP", figure(sharpCut),
		"REACTION", figure(reaction), "STORM", figure(storm), "RECOVER", figure(recoverStep),
		"LONGEST", figure(maxSpacing.Microseconds()),
	).Replace(source))
}
