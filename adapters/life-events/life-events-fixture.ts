/**
 * For tests only: life events at the deliveries of two real servers, with services of others that the test
 * plays, and a clock of its own.
 */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import type { SecurityServer } from '#adapters/client/index.ts'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { type Ends, INBOX } from '#adapters/kit/messages/ends-fixture.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import type { Offer } from '#schemas/offers.ts'
import { settle } from '#security-server/features/deliveries/acts-fixture.ts'
import { until } from '#test/until.ts'
import { lifeEvents, openLifeEvents } from './adapter.ts'
import type { OfferStore } from './store.ts'

export const OTHER = 'DEV/GOV/1000/tax'
export const PERSON = 'P00000042'
export const CHILD = 'P00012001'
const texts = (text: string): Record<string, string> => ({ en: text, et: `${text} (et)` })

export const REGISTER = 'DEV/GOV/1000/tax/persons'
export const INCOMES = 'DEV/GOV/1000/tax/incomes'
export const APPLICATIONS = 'DEV/GOV/2000/population/applications'

export const RULE = {
  name: 'family-benefit',
  event: {
    ...{ type: 'org.example.child-born', publishers: [OTHER], happening: '/subject' },
    condition: "EXISTS subject AND subject LIKE 'B-%'",
  },
  person: '/data/parents',
  values: { child: '/data/child' },
  takenBackBy: {
    ...{ type: 'org.example.birth-corrected', publishers: [OTHER], happening: '/subject' },
    text: texts('This offer is over. You need do nothing.'),
  },
  title: texts('Family benefit'),
  text: texts('You can have the family benefit.'),
  why: texts('You see this because the birth of your child was registered.'),
  legalBasis: 'Family Benefits Act, section 12',
  calls: [
    {
      ...{ name: 'child', agency: texts('Population register'), service: REGISTER, path: '/persons/{child}' },
      ...{ purpose: texts('Who the child is'), contract: 'Children for family benefits' },
      ...{ legalBasis: 'Family Benefits Act, section 20', needsAgreement: true },
      fields: { childName: '/givenName', childBorn: '/born' },
    },
    {
      ...{ name: 'income', agency: texts('Tax Agency'), service: INCOMES, path: '/incomes/{person}' },
      ...{ purpose: texts('The level of the benefit'), legalBasis: 'Family Benefits Act, section 21' },
      fields: { income: '/income' },
    },
  ],
  fields: [
    { name: 'childName', label: texts('Name of the child') },
    { name: 'childBorn', label: texts('Born'), kind: 'date', correctAt: texts('At the population register') },
    { name: 'income', label: texts('Income of last year'), kind: 'number', least: 0 },
    { name: 'account', label: texts('Bank account'), pattern: '[A-Z]{2}[0-9]{4,30}' },
    { name: 'note', label: texts('Note'), isRequired: false },
  ],
  submitTo: {
    service: APPLICATIONS,
    path: '/applications',
    number: '/number',
    legalBasis: 'Family Benefits Act, section 30',
  },
  decidedBy: {
    ...{
      type: 'org.example.benefit-decided',
      publishers: [OTHER],
      offer: '/data/application',
      outcome: '/data/outcome',
    },
    outcomes: { granted: texts('The benefit is yours.'), refused: texts('The benefit was refused.') },
  },
  letter: {
    afterDays: 14,
    call: { service: REGISTER, path: '/persons/{person}', legalBasis: 'Family Benefits Act, section 13' },
    lines: ['/name', '/street', '/residence /nothing'],
    language: 'en',
    text: texts('Give this code in at any counter, until {until}.'),
    counter: texts('Counters are open from 9 to 17.'),
  },
}

type Asked = { service: string; method: string; path: string; options: Record<string, unknown> }
/** An answer with a status and a document, or what the security server says. */
type Played = { status: number; document: unknown } | ExchangeError
export type Play = (asked: Asked) => Played | Promise<Played>

/** Services of others as the test plays them. */
export function playServices(server: SecurityServer, play: Play, asked: Asked[]): SecurityServer {
  return {
    ...server,
    service: ((service: string) => ({
      async call(method: string, path: string, options: Record<string, unknown>) {
        const one = { service, method, path, options }
        asked.push(one)
        const played = await play(one)
        if (played instanceof ExchangeError) throw played
        const { status, document } = played
        return {
          status,
          id: `id-${asked.length}`,
          headers: new Headers(),
          body: undefined,
          json: async () => document,
        }
      },
    })) as SecurityServer['service'],
  }
}

export const REGISTERS: Play = ({ service }) => {
  if (service === REGISTER)
    return {
      status: 200,
      document: { givenName: 'Mari', born: '2026-11-20', name: 'Ann Lee', residence: 'Midvale' },
    }
  if (service === INCOMES) return { status: 200, document: { income: 21_000 } }
  return { status: 201, document: { number: 'FB-1' } }
}

type Q = {
  ends: Ends
  play?: Play
  more?: object
  rule?: object
  folder?: string
  arm?: (store: OfferStore) => OfferStore
  skew?: () => number
}

export async function startLifeEvents(t: Test, q: Q) {
  const folder = q.folder ?? emptyFolder(t)
  const keyFile = path.join(folder, 'offers.key')
  writeFileSync(keyFile, `${'5a'.repeat(32)}\n`, { mode: 0o600 })
  chmodSync(keyFile, 0o600)
  const asked: Asked[] = []
  let handlers: Handlers = {}
  const adapter = {
    ...lifeEvents,
    open: async (question: Parameters<typeof openLifeEvents>[0]) => {
      const opened = await openLifeEvents(
        question,
        ({ store, server }) => ({
          store: q.arm?.(store) ?? store,
          server: playServices(server, (one) => (q.play ?? REGISTERS)(one), asked),
        }),
        () => Date.now() + (q.skew?.() ?? 0),
      )
      handlers = opened.handlers
      return opened
    },
  }
  const settings = {
    ...{ databaseFile: './offers.db', keyFile: './offers.key', languages: ['en', 'et'], inboxes: [INBOX] },
    securityServer: { url: q.ends.urls.population, client: 'DEV/GOV/2000/population' },
    ...{ person: { pattern: '^(?:EE)?(P\\d{8})$' }, pollMs: 50, rules: [{ ...RULE, ...q.rule }] },
    ...q.more,
  }
  const running = await startAdapter(t, adapter, { settings, folder })
  const dispatcher = new Agent()
  t.teardown(() => dispatcher.destroy())
  const as = (who: string | Record<string, string>): Record<string, string> => ({
    'x-road-client': 'DEV/GOV/1001/portal',
    ...(typeof who === 'string' ? { 'x-road-userid': who } : who),
  })
  async function shownTo(who: string | Record<string, string>, target: string): Promise<{ shown: string }> {
    const { body } = await running.ask('/v1/offers', as(who))
    const { offers } = body as { offers: Offer[] }
    return { shown: offers.find(({ id }) => target.includes(id))?.shown ?? 'x'.repeat(43) }
  }
  return {
    ...{ running, asked, folder, handlers },
    databaseFile: path.join(folder, 'offers.db'),
    async get(who: string | Record<string, string>, target: string) {
      const { status, body } = await running.ask(target, as(who))
      return { status, body: body as Record<string, never> }
    },
    /** Who opens an offer has read it as it is now, unless the body says otherwise. */
    async post(who: string | Record<string, string>, target: string, given?: object) {
      const body =
        target.endsWith('/open') && given !== undefined
          ? { ...(await shownTo(who, target)), ...given }
          : given
      const reply = await request(`${running.url}${target}`, {
        ...{
          method: 'POST',
          dispatcher,
          headers: { ...as(who), ...(body && { 'content-type': 'application/json' }) },
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      return { status: reply.statusCode, body: (await reply.body.json()) as Record<string, never> }
    },
  }
}

let number = 0

/**
 * An event that the tax agency's system sends; in the inbox when this resolves. Returns the number of its
 * delivery.
 */
export async function post({ tax, made }: Ends, event: object): Promise<string> {
  const whole = {
    specversion: '1.0',
    id: `E-${++number}`,
    source: '/register',
    type: RULE.event.type,
    ...event,
  }
  const sent = await tax.send(INBOX, new TextEncoder().encode(JSON.stringify(whole)))
  await settle(made)
  return sent.id
}

/**
 * The same, and taken over by the adapter. The clock of the servers stands meanwhile: it would end the lease.
 */
export async function send(ends: Ends, life: { running: { lines: string[] } }, event: object): Promise<void> {
  await taken(life, await post(ends, event))
}

export async function taken({ running }: { running: { lines: string[] } }, delivery: string): Promise<void> {
  await until('the event is taken over', (saw) => {
    saw(running.lines.length)
    return running.lines.some((line) => line.includes('taken over') && line.includes(delivery))
  })
}

export const birth = (subject: string, parents: unknown = [PERSON]) => ({
  subject,
  data: { parents, child: CHILD },
})

type Started = Awaited<ReturnType<typeof startLifeEvents>>

export async function offersOf(life: Started, who: Parameters<Started['get']>[0] = PERSON): Promise<Offer[]> {
  const { status, body } = await life.get(who, '/v1/offers')
  if (status !== 200) throw new Error(`it was answered ${status}`)
  return body['offers'] as unknown as Offer[]
}

/** Those of which the given texts are in no file of the folder and no line of the log. */
export function found(t: Test, life: Started, planted: string[]): void {
  const files = readdirSync(life.folder).map((name) => readFileSync(path.join(life.folder, name), 'latin1'))
  const all = [...files, ...life.running.lines].join('\n')
  for (const text of planted) t.notOk(all.includes(text), 'planted personal data')
}
