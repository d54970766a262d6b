/**
 * The register of mandates of a living sandbox, a service of the Business Agency: its settings, where servers
 * ask it, and the facts that registrars tell it: a parent of a child, a custodian of a ward, a member of a
 * company's board.
 */
import { writeFileSync } from 'node:fs'
import type { MandateServiceCheck } from '#schemas/contract.ts'
import { people } from './agencies/people.ts'
import { type Agency, encoded, folderOf, type Layout, SERVER_PORTS, subsystemText } from './layout.ts'
import { systemOf } from './own-system.ts'
import { BOARD, COUNTER_ROLE, citizen, citizensRoles, portalTexts, trackersIn, VIEWER } from './portal.ts'

const SERVICE = 'mandates'
const PARENT = 'FAMILY:PARENT'
const CUSTODIAN = 'FAMILY:CUSTODIAN'
const CHILD = 51
const WARD = 77
const COMPANY = { type: 'LEGAL_PERSON', identifier: 'C00000001', legalName: 'Midvale Timber' }

export function mandatesText(layout: Layout): string {
  return `${subsystemText(layout, layout.agencies.business)}/${SERVICE}`
}

/** The settings of the register. */
export function mandateSettings(layout: Layout): string {
  return folderOf(layout, 'mandates.yaml')
}

export function writeMandateSettings(layout: Layout): void {
  const { address, mandates, mandatesMonitoring } = layout.systems
  const { population, business } = layout.agencies
  writeFileSync(
    mandateSettings(layout),
    `# The register of mandates of the ${business.name}.
listen: { address: ${address}, port: ${mandates} }
monitoring: { address: ${address}, port: ${mandatesMonitoring} }
service: { code: ${SERVICE}, title: Who may act for whom }
database: sqlite:${folderOf(layout, 'mandates.db')}
identifiers: { naturalPerson: '[PK][0-9]{8}', legalPerson: 'C[0-9]{8}' }
roles:
  - code: ${PARENT}
    title: { et: Vanem, en: Parent }
    delegateType: [NATURAL_PERSON]
    representeeType: [NATURAL_PERSON]
  - code: ${CUSTODIAN}
    title: { et: Eestkostja, en: Custodian }
    delegateType: [NATURAL_PERSON]
    representeeType: [NATURAL_PERSON]
  - code: ${BOARD}
    title: { et: Juhatuse liige, en: Member of the board }
    delegateType: [NATURAL_PERSON]
    representeeType: [LEGAL_PERSON]
  - code: ${VIEWER}
    title: { et: Minu andmete kasutuse vaataja, en: May see who used my data }
    delegateType: [NATURAL_PERSON]
    representeeType: [NATURAL_PERSON, LEGAL_PERSON]
    addableBy: ['NAT_REPRIGHT:SOLEREP', ${COUNTER_ROLE}, ${BOARD}]
  - code: ${COUNTER_ROLE}
    title: { et: Abi letis, en: Help at a counter }
    delegateType: [NATURAL_PERSON]
    representeeType: [NATURAL_PERSON]
    addableBy: ['NAT_REPRIGHT:SOLEREP']
    mostMinutes: 30
registrars:
  - { client: ${subsystemText(layout, population)}, roles: ['FAMILY:*'] }
  - { client: ${subsystemText(layout, business)}, roles: [${BOARD}] }
logLevel: warn
`,
    { mode: 0o600 },
  )
}

/** Whose servers check mandates: those with a tracker, and the one that offers benefits. */
function checkersIn(layout: Layout): Agency[] {
  const { health } = layout.agencies
  return health === undefined ? [] : [...trackersIn(layout), health]
}

/** Where the server of such an agency asks it: as a service of X-Road, as the agency's own subsystem. */
export function askedByServer(layout: Layout, agency: Agency): string {
  if (!checkersIn(layout).includes(agency)) return ''
  return `mandateServices:
  - name: ${mandatesText(layout)}
    kind: paasuke
    url: https://${agency.address}:${SERVER_PORTS.https}/r1/${mandatesText(layout)}
    client: ${subsystemText(layout, agency)}
    certificateFile: ./${agency.key}/system.pem
    keyFile: ./${agency.key}/system.key
    authorityFile: ./trust/root.pem
`
}

/**
 * Who may look for somebody, and who may act besides: complain, take back, choose notices. Whoever may see
 * alone is not among these.
 */
export const READING_ROLES = [...citizensRoles, COUNTER_ROLE]
export const ACTING_ROLES = READING_ROLES.filter((role) => role !== VIEWER)

/** What the contracts of the portal say of people who ask for others, by one of these roles. */
export function representation(layout: Layout, roles: string[]): MandateServiceCheck {
  return { check: 'mandateService', service: mandatesText(layout), delegate: 'user', roles }
}

/**
 * The registrars' systems tell it over their own security servers; the citizen is a parent, a custodian and a
 * member of a board.
 */
export async function tellMandates(layout: Layout): Promise<void> {
  const { population, business } = layout.agencies
  const all = [...people(Math.max(CHILD, WARD))]
  const person = (code: string): object => {
    const { givenName: firstName, familyName: surname } = all.find((one) => one.code === code)!
    return { type: 'NATURAL_PERSON', identifier: code, firstName, surname }
  }
  const own = citizen().code
  const [child, ward] = [CHILD, WARD].map((number) => all[number - 1]!.code) as [string, string]
  const facts: [Agency, { identifier: string }, string][] = [
    [population, { identifier: child, ...person(child) }, PARENT],
    [population, { identifier: ward, ...person(ward) }, CUSTODIAN],
    [business, COMPANY, BOARD],
  ]
  for (const [registrar, representee, role] of facts) {
    const system = systemOf(layout, registrar)
    const path = `/r1/${mandatesText(layout)}/representees/${representee.identifier}/delegates/${own}/mandates`
    try {
      await system('POST', path, { json: { representee, delegate: person(own), mandate: { role } } })
    } finally {
      await system.close()
    }
  }
}

/** Who may ask the register besides its own agency, as management APIs have them. */
export function encodedAskers(layout: Layout): string[] {
  const askers = checkersIn(layout).map((agency) => subsystemText(layout, agency))
  return [...askers, ...portalTexts(layout)].map(encoded)
}
