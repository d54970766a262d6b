/** A person who may log in, in the form of the APIs. */
import { Status, type Tone } from './status.tsx'
import type { TextKey } from './text.ts'

export type Person = {
  id: string
  name: string
  email: string | null
  subject: string | null
  roles: string[]
  state: 'invited' | 'active' | 'locked' | 'removed'
  createdAt: string
  lastLoginAt: string | null
}

const TONES: Record<Person['state'], Tone> = {
  invited: 'warn',
  active: 'good',
  locked: 'bad',
  removed: 'quiet',
}

export function PersonState({ state }: Pick<Person, 'state'>) {
  return <Status tone={TONES[state]} word={`person.${state}` as TextKey} />
}
