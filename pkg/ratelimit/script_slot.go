package ratelimit

import (
	"strconv"
	"strings"
)

// paceSource reads what is kept of a number and settles it, as pace.settle and
// pace.part do. It leaves now, free, share (0 if none is kept), mark, cut, count, till
// and part.
//
// KEYS[1] is a string: the next free time alone, or with what is left of a slowdown
// "free share mark cut count until"; times in microseconds, shares in hundred-thousandths.
const paceSource = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('GET', KEYS[1])
local free, share, mark, cut, count, till, part = tonumber(kept or 0), 0, 0, 0, 0, 0, FULL
if not free then
  local f, s, m, c, n, u = string.match(kept, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  free, share, mark, cut = tonumber(f or 0), tonumber(s or 0), tonumber(m or 0), tonumber(c or 0)
  count, till = tonumber(n or 0), tonumber(u or 0)
end
if share > 0 then
  if now < cut then
    till = till - (cut - now)
    cut = now
  end
  local since = math.min(math.max(0, now - math.max(cut, till)), RISE + SLOW + PAST)
  local known = math.max(share, mark - math.floor(mark * NEAR / FULL))
  local rise = math.floor((known - share) * RISE / mark)
  if since < rise then
    part = share + math.floor(since * mark / RISE)
  elseif since - rise < SLOW then
    part = known + math.floor((mark - known) * (since - rise) / SLOW)
  else
    local past = math.floor((since - rise - SLOW) / 1000)
    part = math.min(FULL, mark + math.floor(past * past * FULL / (PAST / 1000 * PAST / 1000)))
  end
  if till <= now and now - cut >= REACTION and part == FULL then
    share, mark, cut, count, till = 0, 0, 0, 0, 0
  end
end
local function stretch(spacing, part)
  return math.min(math.floor((spacing * FULL + part - 1) / part), LONGEST)
end
`

// keepSource writes it back, for twice the longest spacing, unless nothing changed:
// replicas that ask for slots that are gone cost no write.
const keepSource = `
local keep = string.format('%.0f', free)
if share > 0 then
  keep = keep .. string.format(' %.0f %.0f %.0f %.0f %.0f', share, mark, cut, count, till)
end
if keep ~= kept then
  redis.call('SET', KEYS[1], keep, 'EX', 172800)
end
`

// nextScript is pace.next on Redis's clock.
//
// KEYS[1] as paceSource has it.
// ARGV    spacing of the full limit, horizon (microseconds), slots wanted, urgent ones.
// Returns delay of the first slot, count, delay after which to ask again, the
// slots' spacing, share, now.
var nextScript = newSlotScript(paceSource + `
local spacing, want, urgent = stretch(tonumber(ARGV[1]), part), tonumber(ARGV[3]), tonumber(ARGV[4])
local last, near = now + ARGV[2], now + math.floor(ARGV[2] / 2)
if free == 0 then
  free = last
end
free = math.max(math.min(math.max(free, now), last + spacing), till)
local function fitting(edge, most)
  if free > edge then
    return 0
  end
  return math.min(most, math.floor((edge - free) / spacing) + 1)
end
urgent = math.min(urgent, want)
local given = math.max(fitting(near, want), fitting(last, urgent))
local first, again = 0, 0
if given > 0 then
  first = free - now
  free = free + given * spacing
end
if given < urgent then
  again = free - last
elseif given < want then
  again = free - near
end
` + keepSource + `
return {first, given, again, spacing, part, now}
`)

// slowScript is pace.slow on Redis's clock.
//
// KEYS[1] as paceSource has it.
// ARGV    spacing of the full limit, hold (microseconds), refusals.
// Returns 1.
var slowScript = newSlotScript(paceSource + `
if share == 0 or now - cut >= REACTION then
  mark, cut, count = part, now, 0
end
count = count + ARGV[3]
local many = math.max(MANY, math.floor(WITHIN / stretch(tonumber(ARGV[1]), mark)))
local over, lost = count, 0
if mark == FULL then
  over = over - 1
end
if over > 0 then
  over = math.min(over, many)
  lost = math.min(SHARP, math.max(GENTLE, math.floor(over * over * FULL / (many * many))))
end
share = math.max(LEAST, math.floor(mark * (FULL - lost) / FULL))
till = math.max(till, now + ARGV[2], cut + math.floor(lost * 1000000 / FULL))
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
		"REACTION", figure(reaction), "WITHIN", figure(sharpWithin), "MANY", figure(leastMany), "NEAR", figure(near),
		"RISE", figure(riseTime), "SLOW", figure(slowTime), "PAST", figure(pastTime),
		"LONGEST", figure(maxSpacing.Microseconds()),
	).Replace(source))
}
