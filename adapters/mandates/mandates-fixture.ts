/**
 * A register of mandates in the test's own process, with the roles of a small country, and how its clients
 * ask.
 */
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { mandatesAdapter } from './adapter.ts'

const OWN = 'NAT_REPRIGHT:SOLEREP'
export const SOLE = 'BR_REPRIGHT:SOLEREP'
const REGISTRAR = 'EE/GOV/70000310/rr'
export const PAASUKE = 'EE/GOV/70006317/volitused'
const PORTAL = 'EE/GOV/70006317/portal'

const BOTH = ['NATURAL_PERSON', 'LEGAL_PERSON']
const of = (et: string) => ({ et, en: et })

export const ROLES = [
  {
    code: 'FAMILY:PARENT',
    title: of('Vanem'),
    delegateType: ['NATURAL_PERSON'],
    representeeType: ['NATURAL_PERSON'],
  },
  {
    code: SOLE,
    title: of('Juhatuse liige'),
    delegateType: ['NATURAL_PERSON'],
    representeeType: ['LEGAL_PERSON'],
  },
  {
    ...{ code: 'EMTA:ACCOUNTANT', title: of('Raamatupidaja'), delegateType: BOTH, representeeType: BOTH },
    ...{ addableBy: [SOLE, OWN], canSubDelegate: true },
  },
  {
    ...{ code: 'TRACKER:VIEWER', title: of('Vaataja'), delegateType: BOTH, representeeType: BOTH },
    ...{ addableBy: [OWN, 'FAMILY:PARENT', 'COUNTER:HELP'], waivableBy: [OWN] },
    withdrawableBy: [OWN, 'COUNTER:HELP'],
  },
  {
    ...{ code: 'COUNTER:HELP', title: of('Abi letis'), delegateType: ['NATURAL_PERSON'] },
    ...{ representeeType: ['NATURAL_PERSON'], addableBy: [OWN], mostMinutes: 30 },
  },
  {
    ...{ code: 'BANK:SIGNED', title: of('Allkirjaga'), delegateType: BOTH, representeeType: BOTH },
    ...{ addableBy: [OWN, SOLE], addingMustBeSigned: true, waivableBy: [] },
  },
  {
    ...{
      code: 'PRIA:FIELDS',
      title: of('Põllud'),
      delegateType: BOTH,
      representeeType: BOTH,
      addableBy: [OWN],
    },
    addableOnlyIfRepresenteeHasRoleIn: ['PRIA:CUSTOMER'],
  },
  {
    code: 'PRIA:CUSTOMER',
    title: of('Klient'),
    delegateType: BOTH,
    representeeType: BOTH,
    hidden: true,
    addableBy: [OWN],
  },
]

const SETTINGS = {
  identifiers: {
    naturalPerson: 'EE[0-9]{11}|(?!EE)[A-Z]{2}[A-Za-z0-9._~-]{1,253}',
    legalPerson: 'EE[0-9]{8}',
  },
  roles: ROLES,
  registrars: [{ client: REGISTRAR, roles: ['FAMILY:*', SOLE, 'PRIA:CUSTOMER'] }],
  intermediaries: [PAASUKE],
}

export const MOTHER = person('EE47101010033', 'Mari', 'Maasikas')
export const CHILD = person('EE61803193213', 'Juku', 'Maasikas')
export const FRIEND = person('EE38001085718', 'Jaak', 'Jõeorg')
export const WORKER = person('EE38302250123', 'Jüri', 'Juurikas')
export const COMPANY = company('EE12345678', 'Väikefirma OÜ')
export const BOOKKEEPERS = company('EE10391131', 'Raamat OÜ')

type Given = { type: string; identifier: string; firstName?: string; surname?: string; legalName?: string }

function person(identifier: string, firstName: string, surname: string): Given {
  return { type: 'NATURAL_PERSON', identifier, firstName, surname }
}

function company(identifier: string, legalName: string): Given {
  return { type: 'LEGAL_PERSON', identifier, legalName }
}

export type Reply = { status: number; body: unknown; headers: Record<string, unknown> }

type RegisterForTests = {
  url: string
  database: string
  lines: string[]
  stop(): Promise<void>
  ask(
    method: string,
    target: string,
    more?: {
      user?: string
      client?: string
      party?: string
      json?: unknown
      headers?: Record<string, string>
    },
  ): Promise<Reply>
  /** By the portal, for the user. */
  give(
    user: string | undefined,
    representee: Given,
    delegate: Given,
    mandate: object,
    more?: object,
  ): Promise<Reply & { id: string }>
  /** By the registrar. */
  tell(representee: Given, delegate: Given, role: string): Promise<void>
}

export async function startRegister(
  t: Test,
  q: { settings?: object; folder?: string } = {},
): Promise<RegisterForTests> {
  const folder = q.folder ?? emptyFolder(t)
  const database = `sqlite:${path.join(folder, 'mandates.db')}`
  const adapter = await startAdapter(t, mandatesAdapter, {
    settings: { database, ...SETTINGS, ...q.settings },
    folder,
  })
  const dispatcher = new Agent()
  t.teardown(() => dispatcher.destroy())
  const register: RegisterForTests = {
    ...{ url: adapter.url, database, lines: adapter.lines, stop: adapter.stop },
    async ask(method, target, { user, client = PORTAL, party, json, headers } = {}) {
      const reply = await request(`${adapter.url}${target}`, {
        ...{ method: method as 'GET', dispatcher, body: json === undefined ? null : JSON.stringify(json) },
        headers: {
          ...(client !== '' && { 'x-road-client': client }),
          ...(user !== undefined && { 'x-road-userid': user }),
          ...(party !== undefined && { 'x-road-represented-party': party }),
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
      })
      const text = await reply.body.text()
      return {
        status: reply.statusCode,
        headers: reply.headers,
        body: text === '' ? undefined : JSON.parse(text),
      }
    },
    async give(user, representee, delegate, mandate, more = {}) {
      const json = { representee, delegate, mandate, ...more }
      const at = `/representees/${representee.identifier}/delegates/${delegate.identifier}/mandates`
      const reply = await register.ask('POST', at, { json, ...(user !== undefined && { user }) })
      return { ...reply, id: (reply.body as { id?: string }).id ?? '' }
    },
    async tell(representee, delegate, role) {
      const at = `/representees/${representee.identifier}/delegates/${delegate.identifier}/mandates`
      const json = { representee, delegate, mandate: { role } }
      const { status, body } = await register.ask('POST', at, { client: REGISTRAR, json })
      if (status !== 201) throw new Error(`not told: ${JSON.stringify(body)}`)
    },
  }
  return register
}
