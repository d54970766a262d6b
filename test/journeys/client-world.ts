/**
 * The instance that the tests of the client package share, and the package as a developer has it: to make
 * either takes longer than most of them.
 */
import { rmSync } from 'node:fs'
import t from 'tap'
import { installPackedClient } from '../fakes/packed-client.ts'
import { startWorld } from '../world.ts'

export const world = await startWorld()
t.teardown(() => world.stop())

/** The folder of a project in which the packed client is installed. */
export const project = await installPackedClient()
t.teardown(() => rmSync(project, { recursive: true, force: true }))
