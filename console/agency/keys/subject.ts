/** The fields of a distinguished name as fields of a form. */
import type { Field, Values } from '../../kit/field.tsx'
import type { TextKey } from '../../kit/text.ts'
import type { SubjectField } from './shapes.ts'

const TITLES: Record<string, TextKey> = {
  C: 'certs.dn.C',
  O: 'certs.dn.O',
  OU: 'certs.dn.OU',
  CN: 'certs.dn.CN',
  L: 'certs.dn.L',
  ST: 'certs.dn.ST',
  serialNumber: 'certs.dn.serialNumber',
  businessCategory: 'certs.dn.businessCategory',
  organizationIdentifier: 'certs.dn.organizationIdentifier',
}

/** A field may occur twice, so its place is its name. */
const nameAt = (at: number): string => `subject${at}`

export function subjectField({ type, value }: SubjectField, at: number): Field {
  const title = TITLES[type] ?? 'certs.dn.other'
  return { name: nameAt(at), title, titled: { type }, initial: value, maxLength: 255 }
}

export function subjectOf(fields: SubjectField[], values: Values): SubjectField[] {
  return fields.map(({ type }, at) => ({ type, value: String(values[nameAt(at)] ?? '').trim() }))
}
