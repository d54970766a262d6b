/**
 * Management requests in an installed registry: one person alone cannot approve one, neither directly nor by
 * a rule.
 */
import t from 'tap'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { authenticationParty } from '#test/fakes/management-requests.ts'
import { type Browser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { actsOf, authority, registrationOf, SERVER } from '#test/fakes/request-world.ts'

type Proposal = { id: string; contentSha256: string; state: string; failure: string | null }

void t.test('one administrator proposes, another decides, on exactly what both saw', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({ login: await startOpenIdProvider(t), registration: true })
  await setUp(node, authority)
  const { anna, ben } = await install(t, node)
  const { file, detail } = actsOf(world, node)
  const ask = (browser: Browser, method: string, at: string, body?: unknown) =>
    browser.api(baseOf(node), method, at, body, { 'x-reason': 'agreed' })
  const propose = async (id: number): Promise<Proposal> => {
    const { contentHash } = await detail(id)
    const { status, body } = await ask(anna, 'POST', `/management-requests/${id}/approve`, { contentHash })
    t.equal(status, 202)
    return body as Proposal
  }
  const agree = async ({ id, contentSha256 }: Proposal): Promise<Proposal> =>
    (await ask(ben, 'POST', `/approvals/${id}/approve`, { contentSha256 })).body as Proposal

  const authentication = await authenticationParty(authority)
  const filed = await file(registrationOf(authentication), { authentication })
  const { request } = filed.body
  const proposal = await propose(request)
  t.equal((await detail(request)).state, 'SUBMITTED_FOR_APPROVAL', 'nothing is done yet')
  t.match(await agree(proposal), { state: 'approved', failure: null })
  const done = await detail(request)
  t.match(done, { state: 'APPROVED', decidedBy: /anna.*approved by .*ben/ })
  t.equal(((await node.must('GET', '/security-servers')) as unknown[]).length, 2)

  const other = await authenticationParty(authority)
  const later = (await file(registrationOf(other), { authentication: other })).body.request
  const overtaken = await propose(later)
  const declined = await ask(anna, 'POST', `/management-requests/${later}/decline`, { reason: 'no' })
  t.equal(declined.status, 200, 'declining takes nobody else')
  t.match(await agree(overtaken), { state: 'failed', failure: /declined already/ })

  // What was proposed before the register changed is not what would be carried out.
  const moved = (await file({ kind: 'addressChange', address: 'b.example' })).body.request
  const stale = await propose(moved)
  await node.must('PATCH', '/security-servers/DEV:GOV:1234:SS1', { address: 'c.example' })
  t.match(await agree(stale), { state: 'failed', failure: /its content is another/ })
  const second = await authenticationParty(authority)
  const added = (await file(registrationOf(second, SERVER), { authentication: second })).body.request
  const returning = await propose(added)
  const deleted = await ask(anna, 'DELETE', '/security-servers/DEV:GOV:1234:SS1')
  t.equal(deleted.status, 204, 'one person, at once')
  t.match(await agree(returning), { state: 'failed', failure: /revoked already/ })
  for (const id of [moved, added])
    t.match(await detail(id), { state: 'REVOKED', decidedBy: /security server .*SS1 left the register/ })
  const left = (await node.must('GET', '/security-servers')) as { id: string }[]
  t.same(
    left.map(({ id }) => id),
    ['DEV:GOV:1234:SS2'],
  )

  const rule = await ask(anna, 'PUT', '/automatic-approvals/clientReg/GOV')
  t.equal(rule.status, 202, 'a rule that approves takes two as well')
  t.strictSame(await node.must('GET', '/automatic-approvals'), [])
  t.match(await agree(rule.body as Proposal), { state: 'approved' })
  t.match(await node.must('GET', '/automatic-approvals'), [{ kind: 'clientReg', memberClass: 'GOV' }])
  t.equal((await ask(anna, 'DELETE', '/automatic-approvals/clientReg/GOV')).status, 204)
})
