/**
 * The people of the sandbox, whose passwords its OpenID provider has: at the registry two administrators and
 * two readers, at each agency's security server an auditor, and where contracts are made two signatories. In
 * a living sandbox somebody has each role.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type Agency, agenciesOf, folderOf, type Layout, SERVER_PORTS } from './layout.ts'
import { CLERK, COUNTER, citizen, PORTAL, portalUrl } from './portal.ts'

type SandboxPerson = {
  subject: string
  name: string
  email: string
  password: string
  code?: string
  duty?: string
}

/** Administrators are admitted by installation code, the others are invited with these roles. */
const PEOPLE = [
  { subject: 'anna', name: 'Anna Aalto', does: 'administrator' },
  { subject: 'ben', name: 'Ben Berg', does: 'administrator' },
  { subject: 'olga', name: 'Olga Orav', does: 'auditor', roles: ['XROAD_AUDITOR'] },
  { subject: 'toomas', name: 'Toomas Tamm', does: 'observer', roles: ['XROAD_OBSERVER'] },
] as const

export const INVITED = PEOPLE.flatMap((one) => ('roles' in one ? [one] : []))
export const LOGIN_CLIENT = 'registry'

/**
 * People by agency, invited at its security server with the agency's first API key: signatories when there is
 * a contract.
 */
const OF_AGENCIES = [
  { agency: 'population', subject: 'piret', name: 'Piret Pärn', does: 'auditor' },
  { agency: 'population', subject: 'paula', name: 'Paula Põld', does: 'signatory' },
  { agency: 'population', subject: 'priit', name: 'Priit Puusepp', does: 'signatory' },
  { agency: 'tax', subject: 'tiina', name: 'Tiina Toom', does: 'auditor' },
  { agency: 'tax', subject: 'signe', name: 'Signe Saar', does: 'signatory' },
  { agency: 'tax', subject: 'sander', name: 'Sander Sepp', does: 'signatory' },
  { agency: 'business', subject: 'bruno', name: 'Bruno Brandt', does: 'auditor' },
] as const
/** Those who are there besides in a living sandbox. */
const OF_LIVING = [
  { agency: 'population', subject: 'pekka', name: 'Pekka Palm', does: 'operator' },
  { agency: 'population', subject: 'pille', name: 'Pille Park', does: 'service administrator' },
  { agency: 'tax', subject: 'tarmo', name: 'Tarmo Talts', does: 'operator' },
  { agency: 'tax', subject: 'tea', name: 'Tea Tasa', does: 'service administrator' },
  { agency: 'business', subject: 'birgit', name: 'Birgit Berg', does: 'operator' },
  { agency: 'business', subject: 'bo', name: 'Bo Brink', does: 'service administrator' },
  { agency: 'business', subject: 'beata', name: 'Beata Blom', does: 'signatory' },
  { agency: 'business', subject: 'bert', name: 'Bert Borg', does: 'signatory' },
  { agency: 'health', subject: 'helmi', name: 'Helmi Hein', does: 'auditor' },
  { agency: 'health', subject: 'hugo', name: 'Hugo Holm', does: 'operator' },
  // Gives Hugo the code for his first passkey.
  { agency: 'health', subject: 'heikki', name: 'Heikki Hall', does: 'operator' },
  { agency: 'health', subject: 'hanna', name: 'Hanna Hallik', does: 'service administrator' },
  { agency: 'health', subject: 'heili', name: 'Heili Haas', does: 'signatory' },
  { agency: 'health', subject: 'henrik', name: 'Henrik Hunt', does: 'signatory' },
] as const
const ROLES_OF = {
  auditor: ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'],
  signatory: ['XROAD_CONTRACT_SIGNATORY'],
  operator: ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SECURITY_OFFICER', 'XROAD_REGISTRATION_OFFICER'],
  'service administrator': ['XROAD_SERVICE_ADMINISTRATOR'],
}
type Does = keyof typeof ROLES_OF

function atAgencies({ agencies }: Layout): { agency: string; subject: string; name: string; does: Does }[] {
  return agencies.health === undefined ? [...OF_AGENCIES] : [...OF_AGENCIES, ...OF_LIVING]
}

/**
 * Writes the provider's file unless it exists. Each client secret in it is also in the settings of a server.
 */
export function writePeople(layout: Layout): void {
  const file = folderOf(layout, 'openid.json')
  if (existsSync(file)) return
  const people = [...PEOPLE.map((one) => ({ ...one, agency: 'registry' })), ...atAgencies(layout)].map(
    ({ subject, name, agency }) => ({
      subject,
      name,
      email: `${subject}@${agency}.sandbox.example`,
      password: newPassword(),
    }),
  )
  const { subject, name, code } = citizen()
  const citizens = [
    { subject, name, email: `${subject}@people.sandbox.example`, password: newPassword(), code },
    { ...CLERK, email: `${CLERK.subject}@population.sandbox.example`, password: newPassword() },
  ]
  const client = (id: string, base: string) => {
    const secret = randomBytes(24).toString('base64url')
    writeFileSync(folderOf(layout, `${id}/login-secret`), `${secret}\n`, { mode: 0o600 })
    return { id, secret, redirectUri: `${base}/login/callback` }
  }
  const clients = [
    client(LOGIN_CLIENT, registryUrl(layout)),
    ...agenciesOf(layout).map((agency) => client(agency.key, serverUrl(layout, agency))),
    ...(layout.portal === undefined ? [] : [client(PORTAL, portalUrl(layout.portal))]),
    ...(layout.counter === undefined ? [] : [client(COUNTER, portalUrl(layout.counter))]),
  ]
  writeFileSync(
    file,
    `${JSON.stringify({ people: [...people, ...(layout.portal === undefined ? [] : citizens)], clients }, undefined, 2)}\n`,
    { mode: 0o600 },
  )
}

function newPassword(): string {
  return randomBytes(9).toString('base64url')
}

/** The password of the person who signs in at the portal. */
export function citizensPassword(layout: Layout): string {
  return personOf(layout, citizen().subject).password
}

/** That of the clerk at the counter. */
export function clerksPassword(layout: Layout): string {
  return personOf(layout, CLERK.subject).password
}

/** Those of the people of an agency who do this, as they are invited at its security server. */
export function invitedAt(layout: Layout, { key }: Agency, what: Does): { email: string; roles: string[] }[] {
  return atAgencies(layout)
    .filter(({ agency, does }) => agency === key && does === what)
    .map(({ subject }) => ({
      email: personOf(layout, subject).email,
      roles: ROLES_OF[what],
    }))
}

/** The two who agree to contracts for an agency. */
export function signatoriesOf(layout: Layout, { key }: Agency): SandboxPerson[] {
  return atAgencies(layout)
    .filter(({ agency, does }) => agency === key && does === 'signatory')
    .map(({ subject }) => personOf(layout, subject))
}

function personOf(layout: Layout, subject: string): SandboxPerson {
  const person = peopleOf(layout).find((one) => one.subject === subject)
  if (person === undefined) throw new Error(`${subject} is not among the people of the sandbox`)
  return person
}

export function peopleOf(layout: Layout): SandboxPerson[] {
  const text = readFileSync(folderOf(layout, 'openid.json'), 'utf8')
  return (JSON.parse(text) as { people: SandboxPerson[] }).people
}

/** Lines like "anna / the password  administrator", for people who want to log in. */
export function loginsOf(layout: Layout): string[] {
  return peopleOf(layout).flatMap(({ subject, password }) => {
    const does = PEOPLE.find((one) => one.subject === subject)?.does
    return does === undefined ? [] : [`${subject.padEnd(7)} ${password}  ${does}`]
  })
}

/** The same for the people at security servers, with the place where each logs in. */
export function agencyLoginsOf(layout: Layout): string[] {
  return agenciesOf(layout).flatMap((agency) =>
    atAgencies(layout)
      .filter((one) => one.agency === agency.key)
      .map(
        ({ subject, does }) =>
          `${subject.padEnd(7)} ${personOf(layout, subject).password}  ${serverUrl(layout, agency)}/console/  ${agency.name}, ${does}`,
      ),
  )
}

/** Where people reach a security server: by its name in a living sandbox. */
export function serverUrl({ names }: Layout, { key, address }: Pick<Agency, 'key' | 'address'>): string {
  return names === undefined
    ? `http://${address}:${SERVER_PORTS.admin}`
    : `http://${nameOf(key)}:${names.port}`
}

/** Where people reach the registry. */
export function registryUrl({ names, registry }: Layout): string {
  return names === undefined
    ? `http://${registry.address}:${registry.adminPort}`
    : `http://${nameOf(REGISTRY)}:${names.port}`
}

const REGISTRY = 'registry'
const nameOf = (key: string): string => `${key}.localhost`

/** What each of the names stands for. */
export function namesOf(layout: Layout): Map<string, { address: string; port: number }> {
  const { address, adminPort: port } = layout.registry
  return new Map([
    [nameOf(REGISTRY), { address, port }],
    ...agenciesOf(layout).map(
      (one) => [nameOf(one.key), { address: one.address, port: SERVER_PORTS.admin }] as const,
    ),
  ])
}
