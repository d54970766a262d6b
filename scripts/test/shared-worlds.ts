/**
 * Journeys that share one running world, group by group (test/running-world.ts): to start one and to end it
 * is six seconds of a processor. A file may be here if any other of its group can come before and after it:
 * it adds services, members and systems of its own under names that no other has, leaves settings as they
 * were, and counts nothing but what it made. Who sets clocks, ends single servers or replaces their keys has
 * a world alone.
 */
const GROUPS = [
  // Systems of the two agencies and adapters before them, each with services of its own.
  ['adapter', 'adapters-before-systems', 'events-adapter', 'soap', 'xroad-soap-suite'],
  // Lies between servers, told by members of their own, and wrong requests of systems.
  ['hostile-client', 'hostile-message', 'hostile-peer', 'rogue-provider'],
]

export const SHARED_WORLDS = GROUPS.map((group) => group.map((name) => `test/journeys/${name}.test.ts`))
