/** Another instance that a registry trusts and whose newest configuration it refused. */
import type { Test } from 'tap'
import { startConfigurationSource } from './configuration-source.ts'
import type { Node } from './registry-world.ts'

/** The SHA-256 of the anchor of such an instance, which has odd names. */
export async function trustedAnchor(t: Test, node: Node, now: number): Promise<string> {
  const source = await startConfigurationSource('FI-b')
  t.teardown(() => source.close())
  const times = { at: new Date(now), expireDate: new Date(now + 600_000) }
  source.publish({ ...times, index: 7 })
  const { body } = await node.call('POST', '/external-anchors', source.anchor())
  const { sha256 } = body as { sha256: string }
  await node.must('POST', `/external-anchors/${sha256}/trust`)
  source.publish({ ...times, index: 3 })
  await node.must('POST', `/external-anchors/${sha256}/read`)
  return sha256
}
