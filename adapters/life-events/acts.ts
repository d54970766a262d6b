/**
 * What people do with their offers. Guarantees that nothing is asked of a register without the agreement that
 * the rule wants, that acts on one offer come one after the other, and that an offer which was taken back
 * meanwhile stays so.
 */
import { hash } from 'node:crypto'
import type { SecurityServer } from '#adapters/client/index.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { createSharedPlaces } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Offer, OfferForm, OfferStep } from '#schemas/offers.ts'
import { applicationOf, formOf, takeAnswer } from './form.ts'
import { makeCall } from './make-call.ts'
import type { OfferMetrics } from './metrics.ts'
import type { LifeEventsSettings, RuleSettings } from './settings.ts'
import type { SteadyClock } from './steady-clock.ts'
import { type Content, type KeptOffer, LONGEST_PAUSE_MS, type OfferStore, SEND_AGAIN_MS } from './store.ts'
import { send } from './submit.ts'
import { OPEN } from './tables.ts'
import type { Who } from './who.ts'

type Acts = {
  list(who: Who): Promise<Offer[]>
  form(who: Who, id: string): Promise<OfferForm>
  /**
   * `shown` says what the person read before they agreed. Throws `conflict` when other calls would be made.
   */
  open(who: Who, id: string, agreed: readonly string[], shown: string): Promise<OfferForm>
  submit(who: Who, id: string, said: Readonly<Record<string, unknown>>): Promise<Offer>
  decline(who: Who, id: string): Promise<Offer>
  course(who: Who, id: string): Promise<OfferStep[]>
  /** `person`: the code of the person, whom a page without a login asks besides. */
  useCode(who: Who, code: string, person?: string): Promise<Offer>
  /** Sends again what may not have arrived, and ends what nobody answered for too long. */
  sendAgain(): Promise<void>
  /** Names rules whose applications are not answered. */
  finding(): Promise<Finding>
}

type Rooms = {
  settings: Pick<LifeEventsSettings, 'rules' | 'answerMs'>
  store: OfferStore
  server: Pick<SecurityServer, 'service'>
  metrics: OfferMetrics
  clock: () => number
  steady: Pick<SteadyClock, 'isSteady'>
  log: Log
}

const AT_ONCE = 64
const WAITING = 4
/** So long nobody answers before operators are told, and before it ends. */
const TELL_AFTER_MS = 3_600_000
const MOST_SENDING_MS = 30 * 86_400_000

export function createActs(rooms: Rooms): Acts {
  const { settings, store, server, metrics, clock, steady, log } = rooms
  const { answerMs } = settings
  const rules = new Map(settings.rules.map((rule) => [rule.name, rule]))
  const forPages = settings.rules.filter(({ letter }) => letter?.page !== undefined).map(({ name }) => name)
  /** Ended since the start, without anybody knowing whether they arrived. */
  let unanswered = 0
  const inTurn = createSharedPlaces({
    ...{ places: AT_ONCE, mostWaiting: WAITING },
    refuse: () => new Fault('source_busy'),
  })

  /** Those of a rule that settings have no more are not shown: nobody could say what they are. */
  async function all(who: Who): Promise<KeptOffer[]> {
    const kept =
      who.person !== undefined ? await store.ofPerson(who.person) : await store.ofClerk(who.clerk ?? '')
    return kept.filter(({ rule }) => rules.has(rule))
  }

  async function mine(who: Who, id: string): Promise<{ offer: KeptOffer; rule: RuleSettings }> {
    const offer = (await all(who)).find((one) => one.id === id)
    // The same for one that is somebody else's.
    if (offer === undefined) throw new Fault('not_found', { what: 'the person has no such offer' })
    return { offer, rule: rules.get(offer.rule)! }
  }

  function contentOf({ state, content, endsAt }: KeptOffer): Content {
    if (!OPEN.includes(state) || content === undefined || Date.parse(endsAt) <= clock())
      throw new Fault('conflict', { what: `the offer is ${state}` })
    return content
  }

  async function changed(who: Who, id: string): Promise<Offer> {
    const { offer, rule } = await mine(who, id)
    return offerOf(rule, offer)
  }

  async function endUnanswered(id: string, rule: string): Promise<void> {
    const to = { state: 'over', content: undefined, what: 'over', channel: 'event' } as const
    if (!(await store.change(id, ['sending'], to))) return
    unanswered += 1
    metrics.offers.inc({ what: 'over', channel: 'event' })
    log.error({ offer: id, rule }, 'nobody said whether an application arrived; it is not sent any more')
  }

  return {
    list: async (who) => (await all(who)).map((offer) => offerOf(rules.get(offer.rule)!, offer)),
    async form(who, id) {
      const { offer, rule } = await mine(who, id)
      contentOf(offer)
      return formOf(rule, offer, who)
    },
    open: (who, id, agreed, shown) =>
      inTurn(id, async () => {
        const { offer, rule } = await mine(who, id)
        const content = contentOf(offer)
        if (offerOf(rule, offer).shown !== shown)
          throw new Fault('conflict', { what: 'the offer would ask for something else than was shown' })
        const filled = content.filled ?? { calls: {}, fields: {} }
        const values = { ...content.values, person: content.person }
        const due = rule.calls.filter(
          ({ name, needsAgreement }) =>
            filled.calls[name]?.outcome !== 'answered' && (!needsAgreement || agreed.includes(name)),
        )
        const results = await Promise.all(
          due.map((call) => makeCall(server, call, { values, userId: who.userId, issue: id, answerMs })),
        )
        const time = new Date(clock()).toISOString()
        for (const [at, call] of due.entries()) {
          takeAnswer(filled, { call, result: results[at]!, fields: rule.fields, time })
          metrics.calls.inc({ outcome: results[at]!.outcome })
        }
        const to = {
          state: 'opened',
          content: { ...content, filled },
          what: 'opened',
          channel: who.channel,
        } as const
        if (!(await store.change(id, OPEN, to)))
          throw new Fault('conflict', { what: 'the offer was taken back meanwhile' })
        metrics.offers.inc({ what: 'opened', channel: who.channel })
        return formOf(rule, { ...offer, state: 'opened', content: to.content }, who)
      }),
    submit: (who, id, said) =>
      inTurn(id, async () => {
        const { offer, rule } = await mine(who, id)
        const content = contentOf(offer)
        if (offer.state !== 'opened') throw new Fault('conflict', { what: 'the form was not opened' })
        const { channel, actor, mandate } = who
        const sending = JSON.stringify(applicationOf(rule, { id, content, said, channel, actor, mandate }))
        const sent = { ...content, sending, sentBy: who.userId }
        const to = { state: 'sending', content: sent, what: 'sending', channel } as const
        if (!(await store.change(id, ['opened'], to)))
          throw new Fault('conflict', { what: 'the offer was taken back meanwhile' })
        const q = { rule, offer, content: sent, channel, isAgain: false }
        if (await send({ store, server, answerMs }, q)) metrics.offers.inc({ what: 'submitted', channel })
        return changed(who, id)
      }),
    decline: (who, id) =>
      inTurn(id, async () => {
        const { offer } = await mine(who, id)
        contentOf(offer)
        const to = { state: 'declined', content: undefined, what: 'declined', channel: who.channel } as const
        if (!(await store.change(id, OPEN, to)))
          throw new Fault('conflict', { what: 'the offer was taken back meanwhile' })
        metrics.offers.inc({ what: 'declined', channel: who.channel })
        return changed(who, id)
      }),
    async course(who, id) {
      await mine(who, id)
      return store.steps(id)
    },
    async useCode({ clerk, byPage }, code, person) {
      if (clerk === undefined)
        throw new Fault('forbidden', { what: 'codes of letters are given in at a counter' })
      const client = clerk.split('\n', 1)[0]!
      const offer = byPage
        ? await store.useCodeAtPage(code, { clerk, person: person ?? '', rules: forPages })
        : await store.useCode(code, { client, clerk })
      const rule = offer && rules.get(offer.rule)
      if (rule === undefined) throw new Fault('not_found', { what: 'there is no such code, or it was used' })
      return offerOf(rule, offer!)
    },
    async sendAgain() {
      for (const { id, rule: name, changedAt } of await store.unsent()) {
        const ageMs = clock() - Date.parse(changedAt)
        if (ageMs >= MOST_SENDING_MS && steady.isSteady()) {
          await endUnanswered(id, name)
          continue
        }
        // Before it is tried: one that fails in any way does not stop those behind it.
        // As long as it was sent without an answer, and not more.
        const pauseMs = Math.min(Math.max(ageMs, SEND_AGAIN_MS), LONGEST_PAUSE_MS / 1.25)
        await store.tryLater(id, pauseMs * (1 + Math.random() / 4))
        await inTurn(id, async () => {
          const offer = await store.find(id)
          const rule = rules.get(offer?.rule ?? '')
          const { state, content } = offer ?? {}
          if (rule === undefined || state !== 'sending' || content?.sending === undefined) return
          const { channel } = JSON.parse(content.sending) as { channel: Who['channel'] }
          const q = {
            rule,
            offer: offer!,
            content: { ...content, sending: content.sending },
            ...{ channel, isAgain: true },
          }
          if (await send({ store, server, answerMs }, q)) metrics.offers.inc({ what: 'submitted', channel })
        }).catch((thrown: unknown) => {
          // Too many wait for this one: its turn comes later.
          if (!(thrown instanceof Fault)) throw thrown
        })
      }
    },
    async finding() {
      const told = (await store.sending()).flatMap(({ rule, since }) => {
        if (!rules.has(rule))
          return [`rule ${rule} is gone from the settings, and applications of it are not sent`]
        const isLate = clock() - Date.parse(since) >= TELL_AFTER_MS
        return isLate ? [`applications of rule ${rule} are sent without an answer since ${since}`] : []
      })
      if (unanswered > 0)
        told.push(`${unanswered} applications ended without an answer; the log has their numbers`)
      return told.length === 0 ? { ok: true } : { ok: true, reason: told.join('; ') }
    },
  }
}

/** As the person sees it, without the form. */
function offerOf(rule: RuleSettings, { id, state, madeAt, endsAt, content }: KeptOffer): Offer {
  const { title, text, why, legalBasis } = rule
  const outcome = content?.outcome === undefined ? undefined : rule.decidedBy?.outcomes[content.outcome]
  const calls = rule.calls.map(
    ({ name, agency, service, purpose, contract, needsAgreement, fields, legalBasis: law }) => ({
      ...{ name, agency, service, purpose, legalBasis: law, needsAgreement },
      ...(contract !== undefined && { contract }),
      fields: Object.keys(fields).map((one) => rule.fields.find((field) => field.name === one)!.label),
    }),
  )
  return {
    ...{ id, state, title, text, why, legalBasis, madeAt, endsAt, calls },
    shown: hash('sha256', canonicalJson(calls), 'base64url'),
    ...(content?.number !== undefined && { number: content.number }),
    ...(outcome !== undefined && { outcome }),
    ...(state === 'taken-back' && rule.takenBackBy !== undefined && { takenBack: rule.takenBackBy.text }),
  }
}
