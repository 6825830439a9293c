/** What tells how two node tables differ without looking at all their rows. */

/** Between an earlier table and a new one; selection gives it. */
export interface RowDelta {
  /**
   * Triples (first row, first row in the earlier table, length), ascending in both, maximal: stretches in which `origin` grows by 1 from row to row.
   * Together exactly the rows that have an origin.
   */
  readonly ranges: Uint32Array;
  /** Rows of the new table, ascending, without an origin or of which stat words, selection, body or xattrs differ. */
  readonly changedRows: Uint32Array;
  /** Rows of the earlier table, ascending, that are no row's origin. */
  readonly removedRows: Uint32Array;
}
