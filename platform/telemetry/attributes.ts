/**
 * What OTLP (opentelemetry-proto, common/v1) writes in one way for logs, traces and metrics. In JSON, 64-bit
 * numbers are texts.
 */

type Attribute = { key: string; value: { stringValue: string } | { intValue: string } }

/** Values that are undefined are left out. */
export function attributesOf(values: Record<string, string | number | undefined>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]): Attribute[] => {
    if (value === undefined) return []
    return [{ key, value: typeof value === 'string' ? { stringValue: value } : { intValue: `${value}` } }]
  })
}

/** The process that tells. `instance` tells apart those that do the same. */
export type ToldBy = { name: string; instance: string }

export function resourceOf({ name, instance }: ToldBy): { attributes: Attribute[] } {
  return { attributes: attributesOf({ 'service.name': name, 'service.instance.id': instance }) }
}

/** Nanoseconds since 1970 of a time in milliseconds. */
export function nanoseconds(ms: number): string {
  return `${BigInt(Math.round(ms * 1000)) * 1000n}`
}
