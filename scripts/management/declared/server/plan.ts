/**
 * Plans the calls that a security server needs to match its declared file, in an order in which they can be
 * made; pure.
 */
import { type Plan, together } from '../step.ts'
import { clients } from './plan-clients.ts'
import { eventTypes, retentionClasses, subjectPlaces, trackerServices } from './plan-more.ts'
import type { Declared } from './read-file.ts'
import type { Present } from './read-present.ts'

/** What the file does not name is taken away with `removes` only, and only where that can be undone. */
export function planOf(declared: Declared, present: Present, { removes }: { removes: boolean }): Plan {
  return together([
    clients(declared, present, removes),
    eventTypes(declared, present),
    subjectPlaces(declared, present),
    trackerServices(declared, present),
    retentionClasses(declared, present),
  ])
}
