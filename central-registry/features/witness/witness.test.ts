/**
 * The registry's witness over HTTP: it accepts only logs of registered servers and keys stated by their
 * owners, and shows them to administrators.
 */
import t from 'tap'
import { readCosignature } from '#core/merkle/add-checkpoint.ts'
import { parseCheckpoint, verifyCosignature } from '#core/merkle/checkpoint.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { LOG_KEY_TYPE } from '#schemas/log-key.ts'
import { headOf, ocspFor, type Party } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, NEW_SERVER, OWNER, owner, SERVER } from '#test/fakes/request-world.ts'

t.test('the registry witnesses what registered servers log', (t) =>
  eachRegistryDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start({ settings: { witness: { name: 'registry.example/w1' } } })
    await setUp(node, authority)
    const { publicUrl } = node.settings
    const post = (path: string, body: Buffer | string) =>
      fetch(`${publicUrl}/witness${path}`, { method: 'POST', body: new Uint8Array(Buffer.from(body)) })
    const log = createTestLog(SERVER)
    const statement = (more: object = {}, by: Party = owner, type = LOG_KEY_TYPE): string => {
      const document = { ...headOf(OWNER, world.clock.now), server: SERVER, logKey: log.verifierKey, ...more }
      const signer = { certificates: [by.certificate], ocspResponses: ocspFor(by), key: by.key }
      return writeSignedJson(document, type, [signer])
    }
    t.equal((await post('/add-checkpoint', await log.submission(0, 3))).status, 404)
    const refused: [string, string, number][] = [
      ['another member', statement({ signer: GUEST }, guest), 400],
      ['the certificate of another member', statement({}, guest), 400],
      ['an old statement', statement({ createdAt: new Date(world.clock.now - 400_000).toISOString() }), 409],
      ['a document for something else', statement({}, owner, 'concordat-management-request'), 400],
      ['the key of another log', statement({ logKey: createTestLog('DEV/GOV/1234/other').verifierKey }), 400],
      ['one field more', statement({ more: 'x' }), 400],
      [
        'a server that is not registered',
        statement({ server: NEW_SERVER, logKey: createTestLog(NEW_SERVER).verifierKey }),
        404,
      ],
    ]
    for (const [what, one, status] of refused)
      t.not((await post('/log-keys', one)).status, 204, `${what} ${status}`)
    t.equal((await post('/add-checkpoint', await log.submission(0, 3))).status, 404, 'nobody was believed')
    t.equal((await post('/log-keys', statement())).status, 204)
    const answer = await post('/add-checkpoint', await log.submission(0, 3))
    t.equal(answer.status, 200)
    const verifier = parseVerifierKey((await node.get('/witness/key')).bytes.toString().trim(), 'witness')
    t.equal(verifier.name, 'registry.example/w1')
    const { note } = parseCheckpoint(log.checkpoint(3))
    t.ok(readCosignature(await answer.text(), note, verifier))
    t.equal((await post('/add-checkpoint', await log.submission(3, 3, 'two'))).status, 409)

    const seen = (await node.must('GET', '/witness')) as Record<string, object[]>
    t.match(seen, { logs: [{ origin: SERVER, size: 3 }], refusals: [{ origin: SERVER, isFork: true }] })
    const metrics = await fetch(`http://${node.settings.admin.address}:4000/metrics`)
    t.match(await metrics.text(), /concordat_witness_forks\{kind="proven"\} 1/)
    const kept = parseCheckpoint((await node.get(`/witness/${log.originHash}/checkpoint`)).bytes.toString())
    t.ok(verifyCosignature(kept.note, verifier.name, verifier.publicKey))

    await node.must('DELETE', '/security-servers/DEV:GOV:1234:SS1')
    t.equal((await post('/add-checkpoint', await log.submission(3, 4))).status, 404, 'a server that left')
    await node.stop()
    const again = await world.start({ settings: { witness: { name: 'registry.example/w1' } } })
    t.equal((await again.get('/witness/key')).bytes.toString().trim().split('+')[0], verifier.name)
    await again.stop()
    await t.rejects(world.start({ settings: { witness: { name: 'another.example' } } }), {
      code: 'invalid_configuration',
    })
  }),
)
