/**
 * How our services answered lately: counts, times and sizes of a sliding window, in memory that does not
 * depend on how many calls there were. It begins with the process, as that of X-Road's daemon.
 */
import type { Clock } from '#platform/clock.ts'
import { idText, type ServiceId } from '#schemas/identifiers.ts'
import type { Course } from '../../peer/course.ts'

/** As X-Road's: ten minutes, in steps of ten seconds. */
export const PERIOD_SECONDS = 600
const STEP_MS = 10_000
const STEPS = (PERIOD_SECONDS * 1000) / STEP_MS
/**
 * What is not described here is not counted, so that nobody outside decides how many there are; the one
 * called longest ago makes room.
 */
const MOST_SERVICES = 10_000

/** Of the successful calls alone, as X-Road counts them. */
export type Spread = { count: number; min: number; max: number; average: number; deviation: number }

export type ServiceHealth = {
  service: ServiceId
  serviceType: string
  lastSuccess: number | undefined
  lastFailure: number | undefined
  succeeded: number
  failed: number
  duration: Spread | undefined
  requestSize: Spread | undefined
  responseSize: Spread | undefined
}

export type HealthWindow = {
  startedAt: number
  add(course: Course): void
  services(): ServiceHealth[]
}

type Sums = { count: number; sum: number; squares: number; min: number; max: number }
const MEASURES = ['duration', 'requestSize', 'responseSize'] as const
type Step = { number: number; succeeded: number; failed: number } & Record<(typeof MEASURES)[number], Sums>
type Kept = Pick<ServiceHealth, 'service' | 'serviceType' | 'lastSuccess' | 'lastFailure'> & { steps: Step[] }

export function createHealthWindow(clock: Clock): HealthWindow {
  const kept = new Map<string, Kept>()
  const startedAt = clock()
  const now = (): number => Math.floor(clock() / STEP_MS)

  return {
    startedAt,
    add(course) {
      const { request, serviceType, responseOut = 0, fault } = course
      if (course.half !== 'provider' || request === undefined || serviceType === undefined) return
      const key = idText(request.service)
      const service = kept.get(key) ?? newService(request.service, serviceType)
      // Last in the order of the map, whose first is so the one called longest ago.
      kept.delete(key)
      kept.set(key, service)
      if (kept.size > MOST_SERVICES) kept.delete(kept.keys().next().value!)
      const step = stepOf(service, now())
      const isError = fault !== undefined || (request.protocol === 'REST' && (course.status ?? 500) >= 400)
      if (isError) {
        step.failed += 1
        service.lastFailure = responseOut
        return
      }
      step.succeeded += 1
      service.lastSuccess = responseOut
      count(step.duration, responseOut - course.requestIn)
      if (course.asked) count(step.requestSize, sizeIn(course, course.asked))
      if (course.answered) count(step.responseSize, sizeIn(course, course.answered))
    },
    services() {
      const newest = now()
      const oldest = newest - STEPS + 1
      return [...kept.values()].map(({ steps, ...service }) => {
        const lately = steps.filter(({ number }) => number >= oldest && number <= newest + 1)
        const total = (what: 'succeeded' | 'failed') => lately.reduce((sum, step) => sum + step[what], 0)
        const [duration, requestSize, responseSize] = MEASURES.map((name) =>
          spreadOf(lately.map((step) => step[name])),
        )
        return {
          ...{ ...service, succeeded: total('succeeded'), failed: total('failed') },
          ...{ duration, requestSize, responseSize },
        }
      })
    },
  }
}

function newService(service: ServiceId, type: string): Kept {
  const serviceType = type === 'OPENAPI' ? 'OPENAPI3' : type
  return { service, serviceType, lastSuccess: undefined, lastFailure: undefined, steps: [] }
}

function sizeIn({ request }: Course, { message, body }: NonNullable<Course['asked']>): number {
  return request?.protocol === 'SOAP' ? message : message + body
}

function stepOf({ steps }: Kept, number: number): Step {
  // After a clock that leapt ahead came back, what was counted in a time to come would stay until that time
  // has passed.
  while (steps.length > 0 && steps.at(-1)!.number > number + 1) steps.pop()
  const newest = steps.at(-1)
  if (newest !== undefined && newest.number >= number) return newest
  const none = (): Sums => ({ count: 0, sum: 0, squares: 0, min: Number.POSITIVE_INFINITY, max: 0 })
  const step = {
    ...{ number, succeeded: 0, failed: 0 },
    ...{ duration: none(), requestSize: none(), responseSize: none() },
  }
  steps.push(step)
  if (steps.length > STEPS) steps.shift()
  return step
}

/** A clock that was set back makes a time negative: it counts as none. */
function count(sums: Sums, given: number): void {
  const value = Math.max(0, given)
  sums.count += 1
  sums.sum += value
  sums.squares += value * value
  sums.min = Math.min(sums.min, value)
  sums.max = Math.max(sums.max, value)
}

function spreadOf(steps: Sums[]): Spread | undefined {
  const total = steps.reduce((sum, one) => sum + one.count, 0)
  if (total === 0) return undefined
  const average = steps.reduce((sum, one) => sum + one.sum, 0) / total
  const squares = steps.reduce((sum, one) => sum + one.squares, 0) / total
  return {
    ...{ count: total, average, deviation: Math.sqrt(Math.max(0, squares - average * average)) },
    min: Math.min(...steps.map(({ min }) => min)),
    max: Math.max(...steps.map(({ max }) => max)),
  }
}
