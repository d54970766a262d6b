/**
 * The people of the sandbox, whose passwords its OpenID provider has: at the registry two administrators and two readers, at each
 * agency's security server an auditor.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type Agency, agenciesOf, folderOf, type Layout, SERVER_PORTS } from './layout.ts'

type SandboxPerson = { subject: string; name: string; email: string; password: string }

/** Administrators are admitted by installation code, the others are invited with these roles. */
const PEOPLE = [
  { subject: 'anna', name: 'Anna Aalto', does: 'administrator' },
  { subject: 'ben', name: 'Ben Berg', does: 'administrator' },
  { subject: 'olga', name: 'Olga Orav', does: 'auditor', roles: ['XROAD_AUDITOR'] },
  { subject: 'toomas', name: 'Toomas Tamm', does: 'observer', roles: ['XROAD_OBSERVER'] },
] as const

export const INVITED = PEOPLE.flatMap((one) => ('roles' in one ? [one] : []))
export const LOGIN_CLIENT = 'registry'

/** Auditors by agency, invited at its security server with the agency's first API key. */
const AUDITORS = [
  { agency: 'population', subject: 'piret', name: 'Piret Pärn' },
  { agency: 'tax', subject: 'tiina', name: 'Tiina Toom' },
  { agency: 'business', subject: 'bruno', name: 'Bruno Brandt' },
] as const
const AUDITOR_ROLES = ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR']

/** Writes the provider's file unless it exists. Each client secret in it is also in the settings of a server. */
export function writePeople(layout: Layout): void {
  const file = folderOf(layout, 'openid.json')
  if (existsSync(file)) return
  const people = [...PEOPLE.map((one) => ({ ...one, agency: 'registry' })), ...AUDITORS].map(
    ({ subject, name, agency }) => ({
      subject,
      name,
      email: `${subject}@${agency}.sandbox.example`,
      password: randomBytes(9).toString('base64url'),
    }),
  )
  const client = (id: string, base: string) => {
    const secret = randomBytes(24).toString('base64url')
    writeFileSync(folderOf(layout, `${id}/login-secret`), `${secret}\n`, { mode: 0o600 })
    return { id, secret, redirectUri: `${base}/login/callback` }
  }
  const clients = [
    client(LOGIN_CLIENT, registryUrl(layout)),
    ...agenciesOf(layout).map((agency) => client(agency.key, serverUrl(agency))),
  ]
  writeFileSync(file, `${JSON.stringify({ people, clients }, undefined, 2)}\n`, { mode: 0o600 })
}

/** The people who are invited at the security server of an agency, with their roles. */
export function auditorsOf(layout: Layout, { key }: Agency): { email: string; roles: string[] }[] {
  const subjects: string[] = AUDITORS.filter(({ agency }) => agency === key).map(({ subject }) => subject)
  return peopleOf(layout)
    .filter(({ subject }) => subjects.includes(subject))
    .map(({ email }) => ({ email, roles: AUDITOR_ROLES }))
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

/** The same for the auditors at security servers, with the place where each logs in. */
export function auditorLoginsOf(layout: Layout): string[] {
  return agenciesOf(layout).flatMap((agency) =>
    AUDITORS.filter((one) => one.agency === agency.key).map(({ subject }) => {
      const password = peopleOf(layout).find((one) => one.subject === subject)?.password ?? ''
      return `${subject.padEnd(7)} ${password}  ${serverUrl(agency)}/console/  ${agency.name}`
    }),
  )
}

export function serverUrl({ address }: Pick<Agency, 'address'>): string {
  return `http://${address}:${SERVER_PORTS.admin}`
}

export function registryUrl({ registry }: Layout): string {
  return `http://${registry.address}:${registry.adminPort}`
}
