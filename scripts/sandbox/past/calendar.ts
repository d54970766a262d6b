/**
 * When the agencies of a sandbox with a past asked each other. They begin with a pilot on one day of a week,
 * then work every day; most is asked before noon, little at weekends. The last days have something in every
 * hour, unless the past is short: each moment to which the clock leaps makes all jobs of all servers due,
 * which takes a second of a processor.
 */
const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
/** How much of a working day's calls falls into each hour of UTC. */
const OF_HOUR = [1, 1, 1, 1, 1, 3, 10, 22, 30, 32, 28, 18, 22, 26, 24, 18, 8, 5, 4, 3, 2, 2, 1, 1]
const WEEKEND = 0.35
/**
 * From so many days ago on these days of the week, Sunday being 0, have so many calls in so many of their
 * hours.
 */
const PHASES = [
  { daysAgo: 2, weekdays: [0, 1, 2, 3, 4, 5, 6], calls: 60, hours: 20 },
  { daysAgo: 8, weekdays: [0, 1, 2, 3, 4, 5, 6], calls: 24, hours: 4 },
  { daysAgo: 31, weekdays: [1, 2, 3, 4, 5], calls: 16, hours: 2 },
  { daysAgo: Number.POSITIVE_INFINITY, weekdays: [2], calls: 12, hours: 2 },
]
const SHORT_DAYS = 31
/** In a short past a tenth of the hours has all calls of its day. */
const SHARE_OF_SHORT = 0.1

/** A moment with so many calls at once. */
type Session = { at: number; calls: number }

/** The sessions between two times by day, in order; the same for the same times and `random`. */
export function* workingDays(from: number, until: number, random: () => number): Generator<Session[]> {
  const share = until - from < SHORT_DAYS * DAY_MS ? SHARE_OF_SHORT : 1
  for (let day = Math.floor(from / DAY_MS) * DAY_MS; day < until; day += DAY_MS) {
    const phase = PHASES.find(({ daysAgo }) => until - day < (daysAgo + 1) * DAY_MS)!
    const weekday = new Date(day).getUTCDay()
    if (!phase.weekdays.includes(weekday)) continue
    const busy = weekday === 0 || weekday === 6 ? WEEKEND : 1
    const hours = drawHours(Math.ceil(phase.hours * share), random)
    const whole = hours.reduce((sum, hour) => sum + OF_HOUR[hour]!, 0)
    const calls = phase.calls * busy * (0.7 + 0.6 * random())
    const found = hours.map((hour) => ({
      at: day + hour * HOUR_MS + Math.floor(random() * 50 * 60_000),
      // Rounded up as often as the part after the point says, so that few calls are not always none.
      calls: Math.floor((calls * OF_HOUR[hour]!) / whole + random()),
    }))
    const wanted = found.filter(({ at, calls: many }) => many > 0 && at >= from && at < until)
    if (wanted.length > 0) yield wanted
  }
}

/** Hours of a day by their weight, in order. */
function drawHours(count: number, random: () => number): number[] {
  const drawn = new Set<number>()
  while (drawn.size < count) drawn.add(drawByWeight(OF_HOUR, random))
  return [...drawn].sort((a, b) => a - b)
}

/** The place of a weight, each as often as it is heavy. */
export function drawByWeight(weights: number[], random: () => number): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [at, weight] of weights.entries()) {
    left -= weight
    if (left < 0) return at
  }
  return weights.length - 1
}
