/** The sections of the portal, in the order of its menu. */
import { complaints } from './complaints/section.ts'
import { consents } from './consents/section.ts'
import { mandates, theirMandates } from './mandates/section.ts'
import { notices } from './notices/section.ts'
import { passkeys } from './passkeys/section.ts'
import { previews } from './previews/section.ts'
import type { Section } from './routing/section.ts'
import { letters } from './services/letters-section.ts'
import { services } from './services/section.ts'
import { uses } from './uses/section.ts'

export const SECTIONS: readonly Section[] = [
  ...[uses, complaints, notices, consents, previews, mandates, theirMandates, services, letters, passkeys],
]
