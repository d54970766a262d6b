/**
 * A declared file at a registry, for its page: one was applied with a step that waits, and somebody changed a
 * member by hand since.
 */
import { createHash } from 'node:crypto'
import type { Node } from './registry-world.ts'

export async function applyFile(node: Node): Promise<void> {
  const sha256 = createHash('sha256').update('{}').digest('hex')
  const asked = { content: '{}', sha256, reason: 'decree <b>7</b>' }
  const { number } = (await node.must('POST', '/revisions', asked)) as { number: number }
  await node.must('PUT', `/revisions/${number}/end`, { done: 9, waiting: 1 })
  await node.must('PATCH', '/members/DEV:GOV:5678', { name: 'Heir <i>' })
}
