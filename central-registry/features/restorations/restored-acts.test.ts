/**
 * What two administrators need before they can accept a restored registry, and what others cannot do to them
 * meanwhile.
 */
import { renameSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { restoreBackup } from '#central-registry/features/backups/restore-backup.ts'
import { type Authenticator, createAuthenticator } from '#platform/passkeys/authenticator-fixture.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { BACKUP_KEY, type Node, type RegistryWorld, registryWorld } from '#test/fakes/registry-world.ts'
import { authority } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { registryMigrations } from '../../features.ts'
import { highestOf, judged, mostTelling } from './rules.ts'

const issuer = await startOpenIdProvider(t)
const WHY = { 'x-reason': 'the machine burnt' }

type Key = { id: string; certificateSha256: string }
type Shown = { contentSha256: string; takenAway: object }
type Proposal = { id: string; contentSha256: string }
type Started = Parameters<RegistryWorld['start']>[0]

/**
 * Starts a registry on a new database into which this backup of `node` was restored, after it was stopped.
 */
async function startRestored(
  world: RegistryWorld,
  node: Node,
  name: string,
  o: Started,
  meanwhile: () => void = () => undefined,
): Promise<Node> {
  await node.stop()
  const { backups, public: listener } = node.settings
  const database = `sqlite:${path.join(world.directory, 'restored.db')}`
  await restoreBackup({
    ...{ file: path.join(backups!.directory, name), secret: BACKUP_KEY, migrations: registryMigrations },
    settings: { directory: world.directory, database },
  })
  meanwhile()
  const { publicUrl } = node.settings
  return world.start({ ...o, settings: { backups, database, public: listener, publicUrl } })
}

const backupsIn = ({ directory }: RegistryWorld) => ({
  ...{ directory: path.join(directory, 'backups'), keyFile: '', hour: 3, keep: 2 },
})

t.test('where acts need a passkey, each of the two adds one while the registry waits', async (t) => {
  const world = registryWorld(t)
  const o = { login: issuer, passkeys: true }
  const before = await world.start({ ...o, settings: { backups: backupsIn(world) } })
  await setUp(before, authority)
  const { anna, ben } = await install(t, before)
  const made = (await before.must('POST', '/backups')) as { name: string }
  const { index: lost } = await publish(before)
  const node = await startRestored(world, before, made.name, { ...o, forActs: true })
  const base = baseOf(node)
  await anna.login(base, 'anna')
  await ben.login(base, 'ben')
  const shown = async () =>
    (await anna.api(base, 'GET', '/restoration')).body as { state: string; contentSha256: string }
  const { contentSha256 } = await shown()
  const acceptance = ['/restoration/acceptance', { contentSha256 }] as const
  t.match(await anna.api(base, 'POST', ...acceptance, WHY), {
    ...{ status: 403, body: { type: 'passkey_needed', message: /add one under My passkeys/ } },
  })

  const [annas, bens] = [personOf(t, node, anna), personOf(t, node, ben)]
  await annas.add(await bens.codeFor(anna))
  await bens.add(await annas.codeFor(ben))
  const member = { memberClass: 'GOV', memberCode: '9', name: 'New' }
  t.match(await annas.act('/members', member), { type: 'registry_restored' }, 'nothing else is let through')
  world.clock.now++
  const proposal = (await annas.act(...acceptance)) as Proposal
  const agreed = await bens.act(`/approvals/${proposal.id}/approve`, {
    contentSha256: proposal.contentSha256,
  })
  t.match(agreed, { state: 'approved' })
  t.match(await shown(), { state: 'none' })
  await until('a publication of the accepted registry', async (saw) => {
    const { newest } = saw((await anna.api(base, 'GET', '/configuration')).body) as {
      newest: { index: number } | null
    }
    return (newest?.index ?? 0) > lost
  })
})

t.test('the key that signed last signs again, and a deleted one does not', async (t) => {
  const world = registryWorld(t)
  const before = await world.start({ settings: { backups: backupsIn(world) } })
  await setUp(before, authority)
  await publish(before)
  const server = await world.reader(await anchorOf(before))
  await server.refresh()
  const made = (await before.must('POST', '/backups')) as { name: string }
  const keysOf = async (node: Node) =>
    ((await node.must('GET', '/configuration')) as { signingKeys: Key[] }).signingKeys
  const [stolen] = await keysOf(before)
  const next = (await before.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })) as Key
  await publish(before)
  await server.refresh()
  await before.must('PUT', `/configuration/signing-keys/${next.id}/activate?force=true`)
  await before.must('DELETE', `/configuration/signing-keys/${stolen!.id}`)
  await publish(before)
  await server.refresh()
  const [file, aside] = [
    path.join(world.directory, 'signing-keys', `${next.id}.pem`),
    path.join(world.directory, 'aside'),
  ]
  const node = await startRestored(world, before, made.name, {}, () => renameSync(file, aside))

  const shown = async () => (await node.must('GET', '/restoration')) as Shown
  const accept = async (keepTrust: string[] = []) =>
    node.call('POST', '/restoration/acceptance', { contentSha256: (await shown()).contentSha256, keepTrust })
  const back = { id: next.id, certificateSha256: next.certificateSha256, signs: true }
  const { takenAway, contentSha256 } = await shown()
  t.match(takenAway, {
    signingKeys: [{ ...back, isHere: false }],
    trust: [{ kind: 'signing-key', name: stolen!.id }],
  })
  t.match(await accept(), { status: 409, body: { message: new RegExp(`${next.id}, which signed last`) } })
  renameSync(aside, file)
  t.match((await shown()).takenAway, { signingKeys: [{ ...back, isHere: true }] })
  t.not((await shown()).contentSha256, contentSha256, 'it is part of what is accepted')
  t.equal((await accept()).status, 204)
  t.match(await keysOf(node), [{ id: next.id, active: true, state: 'ACTIVE', token: 'software' }])
  const { index } = await publish(node)
  await server.refresh()
  t.ok(server.current().statementIndex! >= index, 'servers that know this key alone go on')
  t.equal((await node.call('DELETE', `/configuration/signing-keys/${stolen!.id}`)).status, 204, 'its file')
})

t.test('no number of lies hides what a server has seen', async (t) => {
  const claim = { source: 'DEV/GOV/1/SS', kind: 'server' as const }
  const known = { index: 5, suspensionList: 0, leaves: 0 }
  const lies = Array.from({ length: 60 }, (_none, i) => judged({ ...claim, index: 2e9 + i }, known))
  const honest = judged({ ...claim, index: 7 }, known)
  t.equal(highestOf([...lies, honest], 5), 7)
  t.match(mostTelling([...lies, honest], 50), { 0: honest, length: 50 })
})

/** A person with a device, who confirms with it whatever asks for a passkey. */
function personOf(t: Test, node: Node, browser: Browser, device: Authenticator = createAuthenticator()) {
  const base = baseOf(node)
  const site = { origin: base, rpId: new URL(base).hostname }
  let userHandle = ''
  const session = async () =>
    (await browser.api(base, 'GET', '/session')).body as { id: string; csrfToken: string }
  const act = async (at: string, body?: object): Promise<unknown> => {
    const { csrfToken } = await session()
    const send = (more: Record<string, string>) =>
      browser.visit(`${base}/api/v1${at}`, {
        ...{ method: 'POST', ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }) },
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...{ 'x-csrf-token': csrfToken, ...WHY, ...more },
        },
      })
    const first = await send({})
    const challenge = first.headers['x-passkey-challenge']
    if (typeof challenge !== 'string') return JSON.parse(first.text)
    const given = device.get({ ...site, challenge, userHandle })
    const assertion = Buffer.from(JSON.stringify(given)).toString('base64url')
    return JSON.parse((await send({ 'x-passkey-assertion': assertion })).text)
  }
  return {
    act,
    codeFor: async (other: Browser): Promise<string> => {
      const { id } = (await other.api(base, 'GET', '/session')).body as { id: string }
      const given = (await act(`/people/${id}/passkey-code`)) as { code: string }
      t.match(given, { code: String })
      return given.code
    },
    add: async (code: string): Promise<void> => {
      const options = (await browser.api(base, 'GET', '/session/passkeys/options')).body as {
        challenge: string
        user: { id: string }
      }
      userHandle = options.user.id
      const created = { name: 'laptop', code, ...device.create({ ...site, challenge: options.challenge }) }
      t.match(await act('/session/passkeys', created), { name: 'laptop' })
    },
  }
}
