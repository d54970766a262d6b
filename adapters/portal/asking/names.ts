/** How organisations and systems are called: by the global configuration, whatever an answer calls them. */
import type { System, Systems } from './find-systems.ts'

export type Names = {
  systems: ReadonlyMap<string, System>
  members: ReadonlyMap<string, string>
}

export function namesOf({ asked, absent, silent, members }: Systems): Names {
  const all = [...asked, ...absent, ...silent].map((system) => [system.id, system] as const)
  return { systems: new Map(all), members }
}
