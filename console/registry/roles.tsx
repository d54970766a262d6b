/** Roles at a registry. */
import type { Field } from '../kit/field.tsx'
import { roleField as fieldOf } from '../kit/roles.tsx'
import type { TextKey } from '../kit/text.ts'

export { roleName } from '../kit/roles.tsx'

export function roleField(title: TextKey, initial: string[] = []): Field {
  return fieldOf('getSystem', title, initial)
}
