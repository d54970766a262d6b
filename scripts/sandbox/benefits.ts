/**
 * The family benefit of a living sandbox, which comes to the parents by itself: a subsystem of the Health
 * Agency that offers it, its rule, and the birth that begins it.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { newborn, people } from './agencies/people.ts'
import { openPersonStore } from './agencies/store.ts'
import type { Api } from './client.ts'
import { BORN_EVENT, DECIDED_EVENT, familyBenefitRule } from './family-benefit-rule.ts'
import {
  type Agency,
  encoded,
  folderOf,
  INCOME_SERVICE,
  type Layout,
  ROOM_SERVICE,
  SERVER_PORTS,
  subsystemText,
} from './layout.ts'
import { systemOf } from './own-system.ts'
import { citizen, counterText, portalText, portalTexts, portalUrl } from './portal.ts'
import type { Instance } from './running.ts'

const BENEFITS = 'benefits'
export const OFFERS_SERVICE = 'offers'
export const BENEFIT_EVENTS = 'events'

/** The agency by its subsystem that offers benefits; undefined in a lean sandbox. */
export function benefitsOf({ agencies: { health } }: Layout): Agency | undefined {
  return health && { ...health, subsystemCode: BENEFITS, subsystemName: 'Family benefits' }
}

/** The subsystem at the registry, before its administrators take over. */
export async function registerBenefits(registry: Api, layout: Layout, server: string): Promise<void> {
  const { memberCode, subsystemName: name } = benefitsOf(layout)!
  const member = encoded(`${layout.instance}/${layout.memberClass}/${memberCode}`)
  await registry.send('POST', `/members/${member}/subsystems`, { subsystemCode: BENEFITS, name })
  const client = encoded(subsystemText(layout, benefitsOf(layout)!))
  await registry.send('POST', `/security-servers/${server}/clients`, { client })
}

export function benefitSettings(layout: Layout): string {
  return folderOf(layout, `${BENEFITS}.yaml`)
}

/** Where the office that decides is, and where its decisions go. */
export function officeOf(layout: Layout): { inbox: string; event: string } | undefined {
  const own = benefitsOf(layout)
  return own && { inbox: `${subsystemText(layout, own)}/${BENEFIT_EVENTS}`, event: DECIDED_EVENT }
}

/** Its key is made once; the rule is written at each start. */
export function writeBenefitSettings(layout: Layout): void {
  const own = benefitsOf(layout)
  if (own === undefined) return
  mkdirSync(folderOf(layout, BENEFITS), { recursive: true, mode: 0o700 })
  const keyFile = folderOf(layout, `${BENEFITS}/offers.key`)
  if (!existsSync(keyFile)) writeFileSync(keyFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
  const { population, tax, health } = layout.agencies
  const { address, offers, offersMonitoring } = layout.systems
  const register = subsystemText(layout, population)
  const incomes = `${subsystemText(layout, tax)}/${INCOME_SERVICE}`
  const office = subsystemText(layout, health!)
  writeFileSync(
    benefitSettings(layout),
    `# Life events of the sandbox: the family benefit, offered by a subsystem of the Health Agency.
listen: { address: ${address}, port: ${offers} }
monitoring: { address: ${address}, port: ${offersMonitoring} }
service: { code: ${OFFERS_SERVICE}, title: Family benefits that come to people }
databaseFile: ./${BENEFITS}/offers.db
keyFile: ./${BENEFITS}/offers.key
securityServer:
  url: https://${own.address}:${SERVER_PORTS.https}
  client: ${subsystemText(layout, own)}
  authorityFile: ./trust/root.pem
  certificateFile: ./${own.key}/system.pem
  keyFile: ./${own.key}/system.key
inboxes: [${subsystemText(layout, own)}/${BENEFIT_EVENTS}]
languages: [en, et, ko, uk]
# The contract of both portals has the mandates of those who act for others checked.
representation: [${portalTexts(layout).join(', ')}]
counters: [${counterText(layout)}]
letterPages: [${portalText(layout)}]
person: { pattern: '^(P[0-9]{8})$' }
logLevel: warn
${familyBenefitRule({ register, incomes, office, letters: `${portalUrl(layout.portal!)}/letter` })}`,
    { mode: 0o600 },
  )
}

/** The population register registers a child of the citizen, and says so to all who subscribed. */
export async function registerBirth({ layout }: Instance): Promise<void> {
  const { population } = layout.agencies
  const parent = [...people(Number(citizen().code.slice(1)))].at(-1)!
  const child = newborn(parent, new Date())
  const store = openPersonStore(folderOf(layout, 'population-register.db'))
  try {
    store.add(child)
  } finally {
    store.close()
  }
  const system = systemOf(layout, population)
  try {
    const subject = `birth-${child.code}`
    const event = {
      ...{ specversion: '1.0', id: subject, source: '/register/births', type: BORN_EVENT, subject },
      ...{ datacontenttype: 'application/json', data: { child: child.code, parents: [parent.code] } },
    }
    const room = `${subsystemText(layout, population)}/${ROOM_SERVICE}`
    await system('POST', `/rooms/v1/${room}/pub/v1/${BORN_EVENT}`, { event })
  } finally {
    await system.close()
  }
}
