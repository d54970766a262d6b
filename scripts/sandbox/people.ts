/** The people of the sandbox's registry, whose passwords its OpenID provider knows: two administrators, two who read. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { folderOf, type Layout } from './layout.ts'

export type SandboxPerson = { subject: string; name: string; email: string; password: string }

/** Who does what: administrators come in by installation code, the others are invited with these roles. */
const PEOPLE = [
  { subject: 'anna', name: 'Anna Aalto', does: 'administrator' },
  { subject: 'ben', name: 'Ben Berg', does: 'administrator' },
  { subject: 'olga', name: 'Olga Orav', does: 'auditor', roles: ['XROAD_AUDITOR'] },
  { subject: 'toomas', name: 'Toomas Tamm', does: 'observer', roles: ['XROAD_OBSERVER'] },
] as const

export const INVITED = PEOPLE.flatMap((one) => ('roles' in one ? [one] : []))
export const LOGIN_CLIENT = 'registry'

/** Writes the provider's file unless it is there; its secret is the registry's too. */
export function writePeople(layout: Layout): void {
  const file = folderOf(layout, 'openid.json')
  if (existsSync(file)) return
  const secret = randomBytes(24).toString('base64url')
  const people = PEOPLE.map(({ subject, name }) => ({
    subject,
    name,
    email: `${subject}@registry.sandbox.example`,
    password: randomBytes(9).toString('base64url'),
  }))
  const redirectUri = `${registryUrl(layout)}/login/callback`
  const text = JSON.stringify({ people, clients: [{ id: LOGIN_CLIENT, secret, redirectUri }] }, undefined, 2)
  writeFileSync(file, `${text}\n`, { mode: 0o600 })
  writeFileSync(folderOf(layout, 'registry/login-secret'), `${secret}\n`, { mode: 0o600 })
}

export function peopleOf(layout: Layout): SandboxPerson[] {
  const text = readFileSync(folderOf(layout, 'openid.json'), 'utf8')
  return (JSON.parse(text) as { people: SandboxPerson[] }).people
}

/** "anna / the password  administrator", for people who want to log in. */
export function loginsOf(layout: Layout): string[] {
  return peopleOf(layout).map(({ subject, password }) => {
    const does = PEOPLE.find((one) => one.subject === subject)?.does ?? ''
    return `${subject.padEnd(7)} ${password}  ${does}`
  })
}

export function registryUrl({ registry }: Layout): string {
  return `http://${registry.address}:${registry.adminPort}`
}
