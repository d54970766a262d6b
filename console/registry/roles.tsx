/** Roles in words, and as a field of a form. */
import type { Field } from '../kit/field.tsx'
import { operations } from '../kit/operations.ts'
import { type TextKey, text } from '../kit/text.ts'

export function roleName(role: string): string {
  return text(`role.${role}` as TextKey)
}

/** What every reader may call names every role. */
export function roleField(title: TextKey, initial: string[] = []): Field {
  const roles = operations['getSystem']?.roles ?? []
  return {
    name: 'roles',
    title,
    type: 'checks',
    initial: initial.join(','),
    options: roles.map((role) => ({ value: role, title: roleName(role) })),
  }
}
