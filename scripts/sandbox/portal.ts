/**
 * The citizens' portal of a living sandbox and that of clerks at a counter: two subsystems of the Population
 * Agency, which may ask the trackers of two agencies, a person who signs in and a clerk.
 */
import { writeFileSync } from 'node:fs'
import { PID } from '../wallet/pid.ts'
import { people } from './agencies/people.ts'
import type { Api } from './client.ts'
import { type Agency, encoded, folderOf, type Layout, SERVER_PORTS } from './layout.ts'

const CITIZEN = { number: 42, subject: 'citizen' }
export const PORTAL = 'portal'
/** Where letters to people lie. */
export const MAIL_FOLDER = 'mail'
/** Who issues the credentials of the sandbox's people, as the registry names it. */
export const PID_ISSUER = 'SandboxPid'
export const COUNTER = 'counter'
/** Apart, so that who offers can tell a clerk with somebody's letter from a person who asks for themself. */
const SUBSYSTEMS = [
  { code: PORTAL, name: "Citizens' portal" },
  { code: COUNTER, name: 'Counter' },
]
/** A clerk of the Population Agency, by the number that its staff has. */
export const CLERK = { subject: 'kai', name: 'Kai Kask', code: 'K00000001', duty: 'counter-clerk' }
/**
 * By which roles of the register of mandates people act for others at the portal, and clerks at a counter.
 */
export const VIEWER = 'TRACKER:VIEWER'
export const BOARD = 'BR_REPRIGHT:SOLEREP'
export const citizensRoles = ['FAMILY:PARENT', 'FAMILY:CUSTODIAN', BOARD, VIEWER]
export const COUNTER_ROLE = 'COUNTER:HELP'

/** Who have trackers, so that their people are told what both sides know; the others take no part yet. */
export function trackersIn({ agencies }: Layout): Agency[] {
  return agencies.health === undefined ? [] : [agencies.population, agencies.tax]
}

export function portalText(layout: Layout): string {
  return textOf(layout, PORTAL)
}

export function counterText(layout: Layout): string {
  return textOf(layout, COUNTER)
}

/** Both, which may ask the same. */
export function portalTexts(layout: Layout): string[] {
  return SUBSYSTEMS.map(({ code }) => textOf(layout, code))
}

function textOf({ instance, memberClass, agencies }: Layout, code: string): string {
  return `${instance}/${memberClass}/${agencies.population.memberCode}/${code}`
}

export function portalUrl({ address, port }: NonNullable<Layout['counter']>): string {
  return `http://${address}:${port}`
}

/** The person whom the demonstration asks about, as the provider of logins knows them. */
export function citizen(): { subject: string; name: string; code: string; born: string } {
  const { code, givenName, familyName, born } = [...people(CITIZEN.number)].at(-1)!
  return { subject: CITIZEN.subject, name: `${givenName} ${familyName}`, code, born }
}

/** The subsystems at the registry, before its administrators take over. */
export async function registerPortals(registry: Api, layout: Layout, server: string): Promise<void> {
  const { instance, memberClass, agencies } = layout
  const member = encoded(`${instance}/${memberClass}/${agencies.population.memberCode}`)
  for (const { code: subsystemCode, name } of SUBSYSTEMS) {
    await registry.send('POST', `/members/${member}/subsystems`, { subsystemCode, name })
    const client = encoded(textOf(layout, subsystemCode))
    await registry.send('POST', `/security-servers/${server}/clients`, { client })
  }
}

/** Settings of the citizens' portal, and of the same for clerks of the agency that runs it. */
export function writePortalSettings(layout: Layout, issuer: string, mandates: string): void {
  const { portal, counter } = layout
  if (portal !== undefined)
    writeOne(
      layout,
      {
        place: portal,
        name: PORTAL,
        title: 'My data',
        roles: citizensRoles,
        more: walletSettings(layout),
      },
      issuer,
      mandates,
    )
  if (counter === undefined) return
  const more = `counter: { claim: duty, value: ${CLERK.duty} }
# It has a subsystem of its own, which is among the counters of who offers: it takes the letters that people bring.
`
  writeOne(
    layout,
    { place: counter, name: COUNTER, title: 'Counter', roles: [COUNTER_ROLE], more },
    issuer,
    mandates,
  )
}

function writeOne(
  layout: Layout,
  q: { place: NonNullable<Layout['counter']>; name: string; title: string; roles: string[]; more: string },
  issuer: string,
  mandates: string,
): void {
  const { place, name, title, roles, more } = q
  const { address } = layout.agencies.population
  writeFileSync(
    folderOf(layout, `${name}.yaml`),
    `# ${title}: a portal of the sandbox.
listen: { address: ${place.address}, port: ${place.port} }
monitoring: { address: ${place.address}, port: ${place.monitoring} }
name: ${title}
contact: whoever started this sandbox
languages: [en, et, ko, uk]
login:
  issuer: ${issuer}
  clientId: ${name}
  clientSecretFile: ./${name}/login-secret
  baseUrl: ${portalUrl(place)}
person: { claim: personal_code }
mandates: { service: ${mandates}, roles: [${roles.map((role) => `'${role}'`).join(', ')}] }
letters: true
${more}securityServer:
  url: https://${address}:${SERVER_PORTS.https}
  client: ${textOf(layout, name)}
  authorityFile: ./trust/root.pem
  certificateFile: ./population/system.pem
  keyFile: ./population/system.key
logLevel: warn
`,
    { mode: 0o600 },
  )
}

/** The wallet of the sandbox in place of those of phones, and the issuers whom the registry trusts. */
function walletSettings({ wallet }: Layout): string {
  if (wallet === undefined) return ''
  return `wallets:
  certificateFile: ./${PORTAL}/relying-party.pem
  keyFile: ./${PORTAL}/relying-party.key
  walletUrl: http://${wallet.address}:${wallet.port}/present
  credentials:
    - { format: dc+sd-jwt, types: [${PID.sdJwt}], issuers: [${PID_ISSUER}], code: [${PID.code}] }
    - { format: mso_mdoc, types: [${PID.mdoc}], issuers: [${PID_ISSUER}], code: [${PID.mdoc}, ${PID.code}] }
`
}

/** Lines for whoever wants to look. */
export function sayPortal(layout: Layout, password: string, clerks: string): string[] {
  const { portal, counter, wallet } = layout
  if (portal === undefined || counter === undefined) return []
  const { subject, name } = citizen()
  return [
    `  Citizens' portal   ${portalUrl(portal)}/  who used my data, and a family benefit that came by itself; ${name} signs in as:`,
    `    ${subject.padEnd(7)} ${password}   (a parent, a custodian and a member of a board: "Act for somebody else")`,
    `    letters to ${name} lie in ${folderOf(layout, MAIL_FOLDER)}`,
    ...(wallet === undefined
      ? []
      : [
          `  A citizen's wallet  http://${wallet.address}:${wallet.port}/  for trying; ${name} signs in with it, too`,
        ]),
    `  Counter            ${portalUrl(counter)}/  a clerk for whoever gives them a mandate; ${CLERK.name}, number ${CLERK.code}, signs in as:`,
    `    ${CLERK.subject.padEnd(7)} ${clerks}   (takes the letters that people bring, too)`,
  ]
}
