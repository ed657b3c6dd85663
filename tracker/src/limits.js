// Every bound of the tracker.

/** Without any input for this long, nobody is taken to be reading. */
export const IDLE_MS = 300_000;
/** Less than this is not told. */
export const DWELL_MS_MIN = 1_000;
/** A single-page application may still redirect and set its title for this long. */
export const SETTLE_MS = 100;
/** A beacon that was not taken is sent once more after this long. */
export const RETRY_MS = 2_000;
/** What the server takes of a page's address. */
export const URL_BYTES_MAX = 4_096;
/** What the optional files send of one property, within the server's 512 bytes. */
export const PROP_CHARS_MAX = 160;
