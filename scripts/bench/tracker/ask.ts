/** People ask a tracker, one after the other. */
import type { ContractContent } from '#schemas/contract.ts'
import { findUsage } from '#security-server/features/tracker/find-usage.ts'
import { usages } from '#security-server/features/tracker/usages.ts'
import { SERVER } from '../log/exchanges.ts'
import { type Filled, KINDS, PORTAL, SUBSYSTEM, TYPE } from './fill.ts'
import type { Uses } from './store.ts'

/** Milliseconds; `processor`: of this process, with the thread of the log, in the mean. */
type Times = { median: number; p95: number; processor: number }
type Figures = Record<string, Times>

const MOST_ROWS = 1000
const PAGE = 100
/** Servers run for months, so each way is compiled before it is measured. */
const WARM_UP = 30
const ASKED = { client: PORTAL, subsystem: SUBSYSTEM }

/** Throws when a person is told another number of uses than they have. */
export async function askTracker(
  uses: Uses,
  { people, questions }: Filled & { questions: number },
  say: (what: string, value: string) => void,
): Promise<Figures> {
  const rooms = roomsOf(uses)
  const ways = {
    findUsage: async (person: { type: string; identifier: string }) =>
      (await findUsage(ASKED, { ...person, period: {} }, { offset: 0, limit: MOST_ROWS }, rooms)).usages
        .length,
    usages: async (person: { type: string; identifier: string }) =>
      (await usages(ASKED, { ...person, period: {} }, { cursor: undefined, limit: PAGE }, rooms)).totalUsages,
  }
  const figures: Figures = {}
  for (const [way, ask] of Object.entries(ways))
    for (const kind of [...KINDS, 0]) {
      const codes = kind === 0 ? ['nobody'] : people[kind as (typeof KINDS)[number]]
      const times: number[] = []
      let spent = process.cpuUsage()
      for (let i = -WARM_UP; i < questions; i++) {
        const identifier = codes[(i + WARM_UP) % codes.length]!
        const began = performance.now()
        const told = await ask({ type: TYPE, identifier })
        if (told !== kind) throw new Error(`${way} told ${told} of ${kind} uses`)
        if (i >= 0) times.push(performance.now() - began)
        else spent = process.cpuUsage()
      }
      const { user, system } = process.cpuUsage(spent)
      const measured = { ...timesOf(times), processor: tenths((user + system) / 1000 / questions) }
      figures[`${way}${kind}`] = measured
      const { median, p95, processor } = measured
      say(`${way}, ${kind} uses: median, 95th, processor`, `${median} ms, ${p95} ms, ${processor} ms`)
    }
  return figures
}

function roomsOf({ personUses, store, log }: Uses) {
  const none = async (): Promise<Map<string, never>> => new Map<string, never>()
  return {
    ...{ personUses, store, log, server: SERVER, clock: Date.now, consentsOf: none, previewsOf: none },
    settings: { language: 'en' },
    globalConfiguration: { current: () => ({ indexFor: () => ({ memberName: () => 'A member' }) }) },
    contractOf: async (): Promise<ContractContent | undefined> => undefined,
    contentsOf: async (): Promise<ContractContent[]> => [],
  }
}

function timesOf(times: number[]): Omit<Times, 'processor'> {
  const sorted = times.sort((a, b) => a - b)
  const at = (share: number): number =>
    tenths(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!)
  return { median: at(0.5), p95: at(0.95) }
}

function tenths(value: number): number {
  return Math.round(10 * value) / 10
}
