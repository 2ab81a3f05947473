// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title RFC 6962 Merkle trees with SHA-256, for trees of any shape
 * @notice Recomputes roots from proofs as RFC 9162 sections 2.1.3.2 and 2.1.4.2 do. The shape follows from index and
 * sizes alone, so a path that is one hash too long or too short never gives a root, and no inner node passes for a leaf.
 * It never compares with an expected root: the caller does.
 */
library MerkleLog {
    /// @notice Root of the empty tree, SHA-256(""). The constructor of the bond uses it to test the precompile.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice More hashes than any tree with a 64-bit size needs.
    uint256 internal constant PATH_HASHES_MAX = 64;

    error PathTooLong(uint256 hashes);
    error PathDoesNotFit();
    error IndexOutsideTree(uint64 index, uint64 size);
    error SizesNotAscending(uint64 oldSize, uint64 newSize);

    /// @notice The root of the tree of `size` leaves that has `leafHash` at `index`, given its inclusion path.
    function rootFromInclusion(bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata path)
        internal
        view
        returns (bytes32 root)
    {
        if (path.length > PATH_HASHES_MAX) revert PathTooLong(path.length);
        if (index >= size) revert IndexOutsideTree(index, size);
        uint256 position = index;
        uint256 last = size - 1;
        root = leafHash;
        for (uint256 i = 0; i < path.length; ++i) {
            if (last == 0) revert PathDoesNotFit();
            if (position & 1 == 1 || position == last) {
                root = node(path[i], root);
                while (position & 1 == 0 && position != 0) (position, last) = (position >> 1, last >> 1);
            } else {
                root = node(root, path[i]);
            }
            (position, last) = (position >> 1, last >> 1);
        }
        if (last != 0) revert PathDoesNotFit();
    }

    /**
     * @notice The roots of the first `oldSize` and of all `newSize` leaves of one tree, from its nodes alone.
     * @param seed The largest perfect subtree that ends at leaf `oldSize`, always explicit: RFC 9162 leaves it out
     * when `oldSize` is a power of two, where it is the old root itself.
     * @param path The other hashes of the consistency proof.
     */
    function rootsFromConsistency(uint64 oldSize, uint64 newSize, bytes32 seed, bytes32[] calldata path)
        internal
        view
        returns (bytes32 oldRoot, bytes32 newRoot)
    {
        if (path.length > PATH_HASHES_MAX) revert PathTooLong(path.length);
        if (oldSize == 0 || oldSize >= newSize) revert SizesNotAscending(oldSize, newSize);
        uint256 position = oldSize - 1;
        uint256 last = newSize - 1;
        while (position & 1 == 1) (position, last) = (position >> 1, last >> 1);
        (oldRoot, newRoot) = (seed, seed);
        for (uint256 i = 0; i < path.length; ++i) {
            if (last == 0) revert PathDoesNotFit();
            if (position & 1 == 1 || position == last) {
                oldRoot = node(path[i], oldRoot);
                newRoot = node(path[i], newRoot);
                while (position & 1 == 0 && position != 0) (position, last) = (position >> 1, last >> 1);
            } else {
                newRoot = node(newRoot, path[i]);
            }
            (position, last) = (position >> 1, last >> 1);
        }
        if (last != 0) revert PathDoesNotFit();
    }

    /// @notice SHA-256(0x01 || left || right). Reverts where the precompile is missing or runs out of gas.
    function node(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            mstore(add(buffer, 1), left)
            mstore(add(buffer, 33), right)
            let done := staticcall(gas(), 2, buffer, 65, 0, 32)
            if iszero(and(done, eq(returndatasize(), 32))) { revert(0, 0) }
            hash := mload(0)
        }
    }
}
