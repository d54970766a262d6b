/**
 * The `.metadata` file that X-Road keeps on disk for each part of a configuration
 * (ConfigurationPartMetadata).
 */

/** Every field may be absent: X-Road's GET /verificationconf returns the version only. */
type PartMetadata = {
  contentIdentifier?: string | undefined
  instanceIdentifier?: string | undefined
  expirationDate?: Date | undefined
  contentFileName?: string | undefined
  contentLocation?: string | undefined
  /** Absent means version 2. */
  configurationVersion?: string | undefined
}

/** Writes the JSON as X-Road does: these keys in this order, absent ones left out. */
export function writePartMetadata(metadata: PartMetadata): Buffer {
  const { contentIdentifier, instanceIdentifier, expirationDate, contentFileName } = metadata
  return Buffer.from(
    JSON.stringify({
      contentIdentifier,
      instanceIdentifier,
      expirationDate: expirationDate?.toISOString().replace(/\.000Z$/, 'Z'),
      contentFileName,
      contentLocation: metadata.contentLocation,
      configurationVersion: metadata.configurationVersion,
    }),
  )
}
