/** X-Road's roles: the tables of docs/roles.md against the management API's file, and keys by their usage. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { createAdminWorld } from './admin-fixture.ts'

const [REGISTRATION, SECURITY] = ['XROAD_REGISTRATION_OFFICER', 'XROAD_SECURITY_OFFICER']
const OF_XROAD: Record<string, string> = {
  'security officer': SECURITY,
  'registration officer': REGISTRATION,
  'service administrator': 'XROAD_SERVICE_ADMINISTRATOR',
  'system administrator': 'XROAD_SYSTEM_ADMINISTRATOR',
  observer: 'XROAD_SECURITYSERVER_OBSERVER',
}
const OUR_OWN: Record<string, string> = {
  auditor: 'XROAD_AUDITOR',
  'content auditor': 'XROAD_CONTENT_AUDITOR',
  'secrecy auditor': 'XROAD_SECRECY_AUDITOR',
  'contract signatory': 'XROAD_CONTRACT_SIGNATORY',
}
const ROLES: Record<string, string> = { ...OF_XROAD, ...OUR_OWN, 'whoever is logged in': 'any' }

/** The rows below a heading: each operation with the roles of all its rows. */
function tableOf(text: string, heading: string, columns: { operations: number; roles: number }) {
  const part = text.split(/^## /m).find((one) => one.startsWith(heading)) ?? ''
  const found = new Map<string, Set<string>>()
  for (const line of part.split('\n').filter((one) => one.startsWith('| `'))) {
    const cells = line.split('|').map((cell) => cell.trim())
    const words = cells[columns.roles] ?? ''
    const roles =
      words === 'everybody'
        ? Object.values({ ...OF_XROAD, ...OUR_OWN })
        : words.split(', ').map((one) => ROLES[one] ?? one)
    for (const [, operation = ''] of (cells[columns.operations] ?? '').matchAll(/`(\w+)`/g))
      found.set(operation, new Set([...(found.get(operation) ?? []), ...roles]))
  }
  return found
}

t.test(
  "a person with X-Road's role may do what the role may at X-Road's server, and nothing more",
  async (t) => {
    const text = readFileSync(new URL('../../docs/roles.md', import.meta.url), 'utf8')
    const acts = tableOf(text, 'Acts that both have', { operations: 3, roles: 2 })
    const reads = tableOf(text, 'What both show', { operations: 3, roles: 2 })
    const ours = tableOf(text, "Acts that X-Road's server does not have", { operations: 1, roles: 2 })
    t.ok(acts.size > 50 && reads.size > 15 && ours.size > 40)
    const isOfXRoad = (role: string): boolean => Object.values(OF_XROAD).includes(role)
    const operations = readOperations(await securityServerApi())
    for (const { id, method, roles } of operations) {
      const [theirs, shown, own] = [acts.get(id), reads.get(id), ours.get(id)]
      if (theirs !== undefined && method === 'GET')
        t.same(
          [...theirs].filter((role) => !roles.includes(role)),
          [],
          `${id} shows as much`,
        )
      else if (theirs !== undefined) t.same(roles.filter(isOfXRoad).sort(), [...theirs].sort(), id)
      if (shown !== undefined)
        t.same(
          [...shown].filter((role) => !roles.includes(role)),
          [],
          `${id} shows as much`,
        )
      if (method === 'GET') continue
      t.equal([theirs, own].filter((one) => one !== undefined).length, 1, `${id} is in one table`)
      if (own !== undefined) t.same([...roles].sort(), [...own].sort(), id)
    }
    const known = operations.map(({ id }) => id)
    const named = [...acts.keys(), ...reads.keys(), ...ours.keys()]
    t.same(
      named.filter((id) => !known.includes(id)),
      [],
      'and nothing that is not there',
    )
  },
)

t.test("authentication keys are the security officer's alone, signing keys both officers'", async (t) => {
  const { ask } = await createAdminWorld(t)
  await ask('POST', '/initialization', { softwareTokenPin: 'a Secret of 4 words' })
  await ask('PUT', '/tokens/0/login', { pin: 'a Secret of 4 words' })
  const csr = (cn: string) => ({ subject: [{ type: 'CN', value: cn }], dnsName: 'ss1.example' })
  const statusBy = async (role: string, method: string, at: string, body?: object): Promise<number> =>
    (await ask(method, at, body, { role })).status
  for (const [usage, byRegistration] of [
    ['AUTHENTICATION', 403],
    ['SIGNING', 0],
  ] as const) {
    const key = { usage, label: usage }
    const byOther = await statusBy(REGISTRATION, 'POST', '/tokens/0/keys', key)
    t.equal(byOther, byRegistration === 0 ? 201 : byRegistration, `${usage} made by the registration officer`)
    const made = await ask('POST', '/tokens/0/keys', key, { role: SECURITY })
    t.equal(made.status, 201, `${usage} made by the security officer`)
    const at = `/keys/${String(made.body['id'])}`
    const whole = { key: { usage, label: 'x' }, csr: csr('x') }
    for (const [method, address, body] of [
      ['POST', `${at}/csrs`, csr('x')],
      ['POST', '/tokens/0/keys-with-csrs', whole],
      ['DELETE', `${at}/csrs/00000000-0000-4000-8000-000000000000`],
      ['DELETE', at],
    ] as const) {
      const status = await statusBy(REGISTRATION, method, address, body)
      t.equal(
        status === 403,
        byRegistration === 403,
        `${usage} ${method} ${address} by the registration officer: ${status}`,
      )
      const other = await statusBy(SECURITY, method, address, body)
      t.not(other, 403, `${usage} ${method} ${address} by the security officer`)
    }
  }
})
