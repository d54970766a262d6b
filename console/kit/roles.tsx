/** Roles in words, and as a field of a form. */
import type { Field } from './field.tsx'
import { operations } from './operations.ts'
import { type TextKey, text } from './text.ts'

export function roleName(role: string): string {
  return text(`role.${role}` as TextKey)
}

/** `everybody` is an operation that every role may call: its roles are all roles. */
export function roleField(everybody: string, title: TextKey, initial: string[] = []): Field {
  const roles = operations[everybody]?.roles ?? []
  return {
    name: 'roles',
    title,
    type: 'checks',
    initial: initial.join(','),
    options: roles.map((role) => ({ value: role, title: roleName(role) })),
  }
}
