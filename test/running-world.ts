/**
 * One running world for the journeys of a process that leave it as they found it
 * (scripts/test/shared-worlds.ts). Who runs one of them by its name gets a world for it alone.
 */
import t from 'tap'
import { wholeProcess } from '#scripts/test/current-file.ts'
import { startWorld, type World } from './world.ts'

type Shared = { world: World; environment: Record<string, string>; user: { passing(): boolean } }

let shared: Shared | undefined

/**
 * For tests of peers, which let the CA say for a moment that everything is revoked: that is about what peers
 * show.
 */
export const SELDOM_ASKED = { CONCORDAT_PEERS_REVOCATION_SECONDS: '3600' }

/**
 * A world whose processes have this environment besides. It ends with the last file of the process; no file
 * stops it. What a file left that failed is not handed on.
 */
export async function shareWorld(environment: Record<string, string> = {}): Promise<World> {
  if (shared !== undefined && !isFit(shared, environment)) {
    await shared.world.stop()
    shared = undefined
  }
  if (shared === undefined) {
    const world = await startWorld({ environment })
    wholeProcess.teardown(() => world.stop())
    shared = { world, environment, user: t }
  }
  shared.user = t
  return shared.world
}

function isFit({ world, environment, user }: Shared, asked: Record<string, string>): boolean {
  return user.passing() && world.isAlive() && JSON.stringify(environment) === JSON.stringify(asked)
}
