/**
 * What the agencies of a living sandbox ask each other, as their systems do it: by HTTPS with their
 * certificates.
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import {
  type Agency,
  COMPANY_SERVICE,
  folderOf,
  INSURED_SERVICE,
  type Layout,
  POPULATION_SERVICE,
  SERVER_PORTS,
  subsystemText,
} from '../layout.ts'
import { drawByWeight } from './calendar.ts'

type Kind = { from: Agency; share: number; path: (random: () => number) => string; issue: string }

const PERSONS = 12_000
const TOWNS = ['Northhaven', 'Eastmere', 'Southbridge', 'Westwick', 'Midvale', 'Highstead']
const OFFICIALS = 12
/** A busy machine may take long for what it has never done. */
const CONNECT_MS = 60_000
const ANSWER_MS = 120_000

const drawn = (below: number, random: () => number): number => Math.floor(random() * below)

/** A person; some are asked about often, so that there is something to find about them. */
function personCode(random: () => number): string {
  const number = random() < 0.1 ? [42, 7, 1001][drawn(3, random)]! : 1 + drawn(PERSONS, random)
  return `P${String(number).padStart(8, '0')}`
}

function kindsOf(layout: Layout): Kind[] {
  const { population, tax, business, health } = layout.agencies
  const service = (agency: Agency, code: string): string => `/r1/${subsystemText(layout, agency)}/${code}`
  const persons = service(population, POPULATION_SERVICE)
  const insured = service(health!, INSURED_SERVICE)
  const companies = service(business, COMPANY_SERVICE)
  return [
    { from: health!, share: 52, path: (r) => `${persons}/persons/${personCode(r)}`, issue: 'admission' },
    { from: tax, share: 25, path: (r) => `${persons}/persons/${personCode(r)}`, issue: 'assessment' },
    { from: tax, share: 12, path: (r) => `${insured}/insured/${personCode(r)}`, issue: 'social-tax' },
    {
      ...{ from: tax, share: 10, issue: 'audit' },
      path: (r) => `${companies}/companies?town=${TOWNS[drawn(TOWNS.length, r)]}&limit=5`,
    },
    // It has neither a right nor a contract: each of these is refused, and the refusal is on record.
    {
      from: health!,
      share: 1,
      path: () => `${companies}/companies?town=${TOWNS[0]}&limit=5`,
      issue: 'board',
    },
  ]
}

type Traffic = {
  /** Makes so many calls, drawn by their shares; returns how many were answered and how many refused. */
  make(calls: number): Promise<{ answered: number; refused: number }>
  close(): Promise<void>
}

/** `random` draws; the same numbers make the same calls. */
export function openTraffic(layout: Layout, random: () => number): Traffic {
  const kinds = kindsOf(layout)
  const file = (name: string): Buffer => readFileSync(folderOf(layout, name))
  const agents = new Map<Agency, Agent>()
  const agentOf = (agency: Agency): Agent => {
    const known = agents.get(agency)
    if (known !== undefined) return known
    const cert = file(`${agency.key}/system.pem`)
    const key = file(`${agency.key}/system.key`)
    const ca = file('trust/root.pem')
    const agent = new Agent({ connect: { ca, cert, key, timeout: CONNECT_MS }, headersTimeout: ANSWER_MS })
    agents.set(agency, agent)
    return agent
  }
  let number = 0

  const call = async (): Promise<boolean> => {
    const kind =
      kinds[
        drawByWeight(
          kinds.map(({ share }) => share),
          random,
        )
      ]!
    const { from } = kind
    const reply = await request(`https://${from.address}:${SERVER_PORTS.https}${kind.path(random)}`, {
      dispatcher: agentOf(from),
      headers: {
        accept: 'application/json',
        'x-road-client': subsystemText(layout, from),
        'x-road-userid': `${from.key}-official-${1 + drawn(OFFICIALS, random)}`,
        'x-road-issue': `${kind.issue}-${++number}`,
      },
    })
    const text = await reply.body.text()
    if (reply.statusCode >= 500 && !text.includes('access_denied'))
      throw new Error(`a call of the ${from.name} was answered ${reply.statusCode}: ${text.slice(0, 300)}`)
    return reply.statusCode < 300
  }

  return {
    async make(calls) {
      const answers = await Promise.all(Array.from({ length: calls }, call))
      const answered = answers.filter((good) => good).length
      return { answered, refused: calls - answered }
    },
    close: async () => void (await Promise.all([...agents.values()].map((agent) => agent.close()))),
  }
}
