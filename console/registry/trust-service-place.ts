/** Where on the page of trust services one of them is: what stands behind the # of its address. */
export function trustServiceId(
  kind: 'certificationService' | 'timestampingService',
  id: string | number,
): string {
  return `${kind}-${id}`
}
