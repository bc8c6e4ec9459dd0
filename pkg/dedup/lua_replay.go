package dedup

// replaySource applies records of one tag, in their order. It takes
//
//	KEYS[1…]  three buckets a record, as the other scripts do; the epoch
//	ARGV[1]   records of 23 bytes: field 8, body 2, publication 4, kind,
//	          state, attempt and statuses a byte each, event 5
//	ARGV[2]   the number of the first generation
//	ARGV[3]   window, milliseconds
//	ARGV[4]   the token of who replays
//	ARGV[5]   the numbers of the buckets, 2 bytes each
//	ARGV[6]   when the streams' ends were read, seconds: what is written says it is
//	          no younger than that
//
// and answers as they do, without an entry; replyNotWhole if somebody else
// replays the tag, and nothing was done.
//
// The events of a pass come before its claims, so a claim meets outcomes that are
// later than itself: it counts only with an attempt beyond them. A replayed claim
// has the nonce REPLAYED and no lease left; bit 32 of the statuses says that the
// job was cancelled when nobody held it, should the last claim be given back.
const replaySource = findSource + rulesSource + `
local epoch = call('HGET', epoch_key, 'e')
if not epoch or sub(epoch, 1, 1) ~= '-' or not string.find(epoch, ' ' .. ARGV[4], 1, true) then
  return '\3' .. pack6(now)
end
seconds = tonumber(ARGV[6])

local IS_CANCELLED = 32
local OUTCOME, STATUS, CLAIM, RETURN, CANCEL = 1, 2, 3, 4, 5

local function without_doubt() return in_doubt() and seen - DOUBT or seen end
local function is_marked() return state == CANCELLED or floor(seen / IS_CANCELLED) % 2 == 1 end
local function statuses() return state > CLAIMED and seen % IS_CANCELLED or 0 end
local function first_event(event) return kept_event ~= NO_EVENT and kept_event or event end

local function cancel(event)
  if not entry or state == OPEN then
    settle(CANCELLED, attempt, '\0', 0, event)
  elseif state == CLAIMED and is_stale() and not is_marked() then
    put(CLAIMED, attempt, sub(entry, 13, 26) .. char(seen + IS_CANCELLED) .. sub(entry, 28))
  elseif state > ACCEPTED and not is_marked() then
    settle(state, attempt, kept_code, seen + IS_CANCELLED, kept_event) -- it was open again
  elseif state == CANCELLED and kept_event == NO_EVENT and event ~= NO_EVENT then
    settle(CANCELLED, attempt, kept_code, seen, event)
  end
end

local function accept(n, event)
  if state ~= ACCEPTED then
    settle(ACCEPTED, n, kept_code, state > CLAIMED and without_doubt() or 0, n == attempt and first_event(event) or event)
  elseif in_doubt() or kept_event == NO_EVENT then
    settle(ACCEPTED, attempt, kept_code, without_doubt(), first_event(event))
  end
end

local function gives_way(to, n)
  if not entry then return true end
  if state <= CLAIMED then return n >= attempt end
  return n > attempt or state == UNKNOWN and to ~= UNKNOWN and n == attempt
end

local function outcome(to, n, event)
  if to == ACCEPTED then return accept(n, event) end
  if state == ACCEPTED then return end
  if gives_way(to, n) then
    local accepted = state == CLAIMED and proven(to)
    if accepted then
      settle(ACCEPTED, accepted, '\0', DOUBT, event)
    else
      settle(to, n, kept_code, statuses(), n == attempt and first_event(event) or event)
    end
  elseif state == to and n == attempt and kept_event == NO_EVENT then
    settle(to, n, kept_code, seen, event)
  end
end

local function status(n, bits, event)
  if state > CLAIMED and state ~= UNKNOWN then
    local more = with(seen, bits)
    if more ~= seen then settle(state, attempt, kept_code, more, kept_event) end
  else
    settle(ACCEPTED, n, kept_code, with(statuses(), bits), first_event(event))
  end
end

local function claim(n)
  if not entry or (state == OPEN and n >= attempt) or (state ~= ACCEPTED and n > attempt) then
    local bits = state == CLAIMED and seen or is_marked() and IS_CANCELLED or 0
    put(CLAIMED, n, REPLAYED .. pack6(now) .. char(bits))
  end
end

local function give_back(n)
  if not entry or state == OPEN and n > attempt then
    put(OPEN, n, '')
  elseif state == CLAIMED and n >= attempt and is_stale() then
    local accepted = proven(OPEN)
    if accepted then
      settle(ACCEPTED, accepted, '\0', 0, NO_EVENT)
    elseif is_marked() then
      settle(CANCELLED, attempt, '\0', 0, NO_EVENT)
    else
      put(OPEN, n, '')
    end
  end
end

local records, size = ARGV[1], 23
for first = 1, #records, size do
  field = sub(records, first, first + 7)
  body, publication = sub(records, first + 8, first + 9), sub(records, first + 10, first + 13)
  local kind, to, n, bits = byte(records, first + 14, first + 17)
  local event = sub(records, first + 18, first + 22)
  find()
  open_entry()
  if entry then bit_of(at, true) end
  if kind == OUTCOME and n > 0 then outcome(to, n, event)
  elseif kind == OUTCOME and to == CANCELLED then cancel(event)
  elseif kind == CANCEL then cancel(NO_EVENT)
  elseif kind == STATUS then status(n, bits, event)
  elseif kind == CLAIM then claim(n)
  elseif kind == RETURN then give_back(n) end
  base = base + 3
end
return '\1' .. pack6(now)
`
