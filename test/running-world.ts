/**
 * One running world for the journeys of a process that leave it as they found it (scripts/test/shared-worlds.ts). Who runs one of them by its
 * name gets a world for it alone.
 */
import t from 'tap'
import { wholeProcess } from '#scripts/test/current-file.ts'
import { startWorld, type World } from './world.ts'

let shared: { world: World; user: { passing(): boolean } } | undefined

/** It ends with the last file of the process; no file stops it. What a file left that failed is not handed on. */
export async function shareWorld(): Promise<World> {
  if (shared?.user.passing() === false || shared?.world.isAlive() === false) {
    await shared.world.stop()
    shared = undefined
  }
  if (shared === undefined) {
    // Tests of peers let the CA say for a moment that everything is revoked, which is about what peers show.
    const world = await startWorld({ environment: { CONCORDAT_PEERS_REVOCATION_SECONDS: '3600' } })
    wholeProcess.teardown(() => world.stop())
    shared = { world, user: t }
  }
  shared.user = t
  return shared.world
}
