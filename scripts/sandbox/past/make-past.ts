/**
 * Gives a new instance its past: sets it up at a time that is months ago and lets it work, under a clock that
 * is moved forward until it says what the real one says. Everything in it is made by the servers themselves:
 * signed, logged on both sides, time-stamped.
 */
import { rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { randomNumbers } from '../agencies/people.ts'
import { registerBirth } from '../benefits.ts'
import { bringUp } from '../bring-up.ts'
import { agenciesOf, folderOf } from '../layout.ts'
import { until } from '../own-system.ts'
import type { Instance, InstanceOptions } from '../running.ts'
import { refreshServer } from '../set-up-server.ts'
import { DAY_MS, workingDays } from './calendar.ts'
import { createInstanceClock, type InstanceClock } from './instance-clock.ts'
import { hideOne, leaveWaiting, sendInVain } from './irregularities.ts'
import { settleIn } from './settle-in.ts'
import { openTraffic } from './traffic.ts'

const SEED = 15
/**
 * The comparison of a day with the other side begins a day after its end: this one is compared before the
 * present comes.
 */
const HIDDEN_DAYS_AGO = 7
const HOUR_MS = 3_600_000
/** In so long each recurring job has its turn, at the pace of `clock.ts`. */
const ROUND_MS = 6_000
/**
 * So many hours are enough for a comparison that is tried again; in vain it must not cost a start minutes.
 */
const HOURS_TO_COMPARE = 12
const POLL_MS = 250
/**
 * In its past an instance renews what it signs once a day, and stamps once a day: for all else the days go by
 * too fast.
 */
const IN_THE_PAST = {
  CONCORDAT_REGISTRY_CONFIGURATION_VALIDITY_SECONDS: '86400',
  CONCORDAT_REGISTRY_CONFIGURATION_RENEW_SECONDS: '3600',
  CONCORDAT_REGISTRY_CONFIGURATION_SUSPENSION_LIST_SECONDS: '86400',
  CONCORDAT_REGISTRY_CONFIGURATION_OCSP_FRESHNESS_SECONDS: '86400',
  CONCORDAT_LIMITS_UNSTAMPED_HOURS: '24',
  TRUST_SERVICES_OCSP_VALIDITY_SECONDS: '172800',
  // Who set it up have no device that could confirm an act.
  CONCORDAT_LOGIN_PASSKEYS_FOR_ACTS: 'false',
}

/** Throws when a step fails; then nothing runs any more. */
export async function makePast(q: InstanceOptions): Promise<void> {
  const { layout, progress, pastDays } = q
  const file = folderOf(layout, 'clock')
  const clock = createInstanceClock(file, Date.now() - pastDays * DAY_MS)
  const instance = await bringUp({ ...q, isNew: true, catalogue: false, clock, environment: IN_THE_PAST })
  try {
    await settleIn(instance, clock, progress)
    // The next moment may be days away, over a weekend.
    await stamp(instance)
    const step = progress.begin(`${pastDays} days of work`)
    const { answered, refused } = await work(instance, clock, step.now)
    step.done(`${answered} calls answered, ${refused} refused, all on record on both sides`)
    const waits = progress.begin('what waits for somebody')
    await sendInVain(instance)
    await registerBirth(instance)
    await leaveWaiting(instance, clock.now())
    waits.done('an event that is not delivered, a contract, a new member, a birth')
  } finally {
    await instance.stop()
  }
  rmSync(file)
}

async function work(
  instance: Instance,
  clock: InstanceClock,
  say: (how: string, share: number) => void,
): Promise<{ answered: number; refused: number }> {
  const random = randomNumbers(SEED)
  const present = Date.now()
  const days = [...workingDays(clock.now(), present, random)]
  const hidden = days.findLast(([first]) => first!.at < present - HIDDEN_DAYS_AGO * DAY_MS)
  const traffic = openTraffic(instance.layout, random)
  const sum = { answered: 0, refused: 0 }
  try {
    for (const [at, sessions] of days.entries()) {
      const date = new Date(sessions[0]!.at).toISOString().slice(0, 10)
      say(`${date}, day ${at + 1} of ${days.length}, ${sum.answered} calls`, at / days.length)
      if (at === days.length - 1) await untilCompared(instance, clock, present)
      clock.moveTo(sessions[0]!.at)
      await catchUp(instance)
      for (const session of sessions) {
        clock.moveTo(session.at)
        await fetchContracts(instance)
        const made = await traffic.make(session.calls)
        sum.answered += made.answered
        sum.refused += made.refused
      }
      if (sessions === hidden) await hideOne(instance, clock.now())
      await stamp(instance)
    }
    clock.moveTo(Date.now() - HOUR_MS / 2)
    await catchUp(instance)
    await stamp(instance)
  } finally {
    await traffic.close()
  }
  return sum
}

/**
 * Gives the comparison of the day on which something is hidden the time that it needs: servers that begin it
 * at once try again after an hour. What is not compared yet is compared in the present.
 */
async function untilCompared(instance: Instance, clock: InstanceClock, present: number): Promise<void> {
  const api = instance.servers[instance.layout.agencies.population.key]!
  const isKnown = async (): Promise<boolean> =>
    (await api.get<object[]>('/reconciliation-cases?limit=1')).length > 0
  for (let hour = 0; hour < HOURS_TO_COMPARE && clock.now() + HOUR_MS < present; hour++) {
    if (await isKnown()) return
    clock.moveTo(clock.now() + HOUR_MS)
    await catchUp(instance)
    const end = performance.now() + ROUND_MS
    while (!(await isKnown()) && performance.now() < end) await wait(POLL_MS)
  }
}

/** What the servers' jobs do in the days that the clock has leapt over. */
async function catchUp(instance: Instance): Promise<void> {
  const { registry, servers, layout } = instance
  await registry.send('POST', '/configuration/publish')
  await Promise.all(agenciesOf(layout).map(({ key }) => refreshServer(servers[key]!)))
  await fetchContracts(instance)
}

/**
 * A list of contracts is good for minutes, and the clock leaps over hours: without it a call has no contract,
 * and says no purpose. On a busy machine the registry answers late, and is asked again.
 */
async function fetchContracts({ servers, layout }: Instance): Promise<void> {
  await Promise.all(
    agenciesOf(layout).map(({ key, name }) =>
      until(`the contracts of the ${name}`, () =>
        servers[key]!.send('PUT', '/contracts/refresh').then(
          () => true,
          () => undefined,
        ),
      ),
    ),
  )
}

/** A record that is without a time-stamp for a day stops a server. */
async function stamp({ servers }: Instance): Promise<void> {
  await Promise.all(
    Object.values(servers).map(async (server) => {
      await server.send('POST', '/message-log/time-stamp')
      await server.send('POST', '/message-log/checkpoint')
    }),
  )
}
