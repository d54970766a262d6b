/**
 * Life events: an event of another agency becomes an offer to a person. The adapter takes events of the
 * agency's inboxes, keeps offers, and is the service `offers` of the agency's subsystem. It acts by the
 * contracts that its rules name, and the security servers hold it to them.
 */
import type { SecurityServer } from '#adapters/client/index.ts'
import type { Adapter, OpenAdapter } from '#adapters/kit/adapter.ts'
import { startInbox, startLoop } from '#adapters/kit/messages/loop.ts'
import { openOwnServer } from '#adapters/kit/messages/own-server.ts'
import { elapsedTime, systemClock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { createActs } from './acts.ts'
import { checkSettings } from './check-settings.ts'
import { describeOffers } from './describe.ts'
import { createGuessing } from './guessing.ts'
import { createOfferMetrics } from './metrics.ts'
import { readOfferKeys } from './offer-keys.ts'
import { codeReader, createReadHappening } from './read-happening.ts'
import { type LifeEventsSettings, settingsSchema } from './settings.ts'
import { createSteadyClock } from './steady-clock.ts'
import { type OfferStore, openOfferStore } from './store.ts'
import { createTakeEvent } from './take-event.ts'
import { createWho } from './who.ts'

export const lifeEvents: Adapter<LifeEventsSettings> = {
  name: 'life-events',
  schema: settingsSchema,
  prefix: 'LIFE_EVENTS',
  check: checkSettings,
  describe: describeOffers,
  lasting: ({ databaseFile }) => [databaseFile],
  open: (q) => openLifeEvents(q),
}

type Doors = { store: OfferStore; server: SecurityServer }
type Question = { settings: LifeEventsSettings; log: Log; metrics: Metrics }

const SWEEP_MS = 15_000

/** `arm` is for tests, which end the work between two steps; `clock` and `elapsed` likewise. */
export function openLifeEvents(
  q: Question,
  arm: (doors: Doors) => Doors = (doors) => doors,
  clock = systemClock,
  elapsed = elapsedTime,
): Promise<OpenAdapter> {
  return startInTurn((inTurn) => openInTurn(q, { arm, clock, elapsed, inTurn }))
}

async function openInTurn(
  { settings, log, metrics }: Question,
  {
    arm,
    clock,
    elapsed,
    inTurn,
  }: {
    arm: (doors: Doors) => Doors
    clock: typeof systemClock
    elapsed: typeof elapsedTime
    inTurn: AsyncDisposableStack
  },
): Promise<OpenAdapter> {
  const { databaseFile: file, keepDays, pollMs } = settings
  const keys = await readOfferKeys(settings.keyFile)
  const opened = await openOfferStore({ file, keys, keepDays, clock })
  inTurn.defer(() => opened.close())
  const own = await openOwnServer(settings.securityServer)
  inTurn.defer(() => own.close())
  const { store, server } = arm({ store: opened, server: own })
  const counted = createOfferMetrics(metrics)
  const steady = createSteadyClock(clock, elapsed)
  const acts = createActs({ settings, store, server, metrics: counted, clock, steady, log })
  const whoIs = createWho(settings)
  const guessing = createGuessing(clock)
  const personCode = codeReader(settings.person.pattern)
  const take = createTakeEvent({ read: createReadHappening(settings), store, metrics: counted, log })
  const loops = [
    ...settings.inboxes.map((id) =>
      startInbox({
        ...{ name: id, inbox: server.inbox(id), log, options: { idleMs: pollMs, atOnce: 4 } },
        handle: take,
      }),
    ),
    startLoop({
      ...{ name: 'what is over or was not sent', idleMs: SWEEP_MS, log },
      step: async () => {
        if (steady.isSteady()) counted.offers.inc({ what: 'over', channel: 'event' }, await store.sweep())
        await acts.sendAgain()
        return false
      },
    }),
  ]
  inTurn.defer(async () => void (await Promise.all(loops.map((loop) => loop.stop()))))
  return {
    handlers: {
      listOffers: async ({ caller }) => ({ offers: await acts.list(whoIs(caller)) }),
      getForm: ({ caller, params }) => acts.form(whoIs(caller), params['id']!),
      openOffer: ({ caller, params, body }) => {
        const { agreed, shown } = body as { agreed: string[]; shown: string }
        return acts.open(whoIs(caller), params['id']!, agreed, shown)
      },
      submitOffer: ({ caller, params, body }) =>
        acts.submit(whoIs(caller), params['id']!, (body as { values: Record<string, unknown> }).values),
      declineOffer: ({ caller, params }) => acts.decline(whoIs(caller), params['id']!),
      getCourse: async ({ caller, params }) => ({ steps: await acts.course(whoIs(caller), params['id']!) }),
      useCode: ({ caller, body }) => {
        const who = whoIs(caller)
        const { code, person } = body as { code: string; person?: string }
        const act = () => acts.useCode(who, plainCode(code), person && personCode(person))
        // A page is one client for everybody: a bound would close it for all. It bounds each network, and who
        // guesses needs the person, too.
        return who.byPage ? act() : guessing(who.clerk?.split('\n', 1)[0] ?? '', act)
      },
    },
    health: {
      ...Object.fromEntries(
        loops.map((loop, at) => [settings.inboxes[at] ?? 'offers', () => loop.finding()]),
      ),
      applications: () => acts.finding(),
      clock: () => steady.finding(),
    },
    close: () => inTurn.disposeAsync(),
  }
}

/** As it was made: people write spaces, hyphens and small letters. */
function plainCode(given: string): string {
  return given.toUpperCase().replace(/[^A-Z0-9]/g, '')
}
