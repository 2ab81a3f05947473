// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @notice RFC 6962 section 2.1 word for word, recursive, for small trees: what the iterative verifier is tested
 * against. Leaf i of a transcript is a hash of (seed, i), or of (fork, i) from index `shared` on.
 */
library ReferenceTree {
    function leaves(uint256 seed, uint256 fork, uint64 shared, uint64 size)
        internal
        pure
        returns (bytes32[] memory hashes)
    {
        hashes = new bytes32[](size);
        for (uint64 i = 0; i < size; ++i) {
            hashes[i] = keccak256(abi.encode(i < shared ? seed : fork, i < shared, i));
        }
    }

    function root(bytes32[] memory all, uint256 size) internal pure returns (bytes32) {
        return range(all, 0, size);
    }

    /// @dev MTH(D[start:end])
    function range(bytes32[] memory all, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end - start == 1) return all[start];
        uint256 middle = start + split(end - start);
        return sha256(abi.encodePacked(hex"01", range(all, start, middle), range(all, middle, end)));
    }

    /// @dev PATH(index, D[size])
    function inclusion(bytes32[] memory all, uint256 index, uint256 size) internal pure returns (bytes32[] memory) {
        return inclusionIn(all, index, 0, size);
    }

    function inclusionIn(bytes32[] memory all, uint256 index, uint256 start, uint256 end)
        private
        pure
        returns (bytes32[] memory)
    {
        if (end - start == 1) return new bytes32[](0);
        uint256 middle = start + split(end - start);
        return index < middle
            ? append(inclusionIn(all, index, start, middle), range(all, middle, end))
            : append(inclusionIn(all, index, middle, end), range(all, start, middle));
    }

    /// @dev SUBPROOF(oldSize, D[start:end], b) with the seed always first.
    function consistency(bytes32[] memory all, uint256 oldSize, uint256 newSize)
        internal
        pure
        returns (bytes32 seed, bytes32[] memory path)
    {
        return consistencyIn(all, oldSize, 0, newSize);
    }

    function consistencyIn(bytes32[] memory all, uint256 oldSize, uint256 start, uint256 end)
        private
        pure
        returns (bytes32 seed, bytes32[] memory path)
    {
        if (oldSize == end) return (range(all, start, end), new bytes32[](0));
        uint256 middle = start + split(end - start);
        if (oldSize <= middle) {
            (seed, path) = consistencyIn(all, oldSize, start, middle);
            path = append(path, range(all, middle, end));
        } else {
            (seed, path) = consistencyIn(all, oldSize, middle, end);
            path = append(path, range(all, start, middle));
        }
    }

    function split(uint256 size) private pure returns (uint256 power) {
        power = 1;
        while (power * 2 < size) power *= 2;
    }

    function append(bytes32[] memory list, bytes32 last) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }
}
