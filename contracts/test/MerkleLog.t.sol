// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleLog} from "../MerkleLog.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/// @notice Gives the library's functions the calldata and the revert data of a call.
contract MerkleLogCaller {
    function inclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path)
        external
        view
        returns (bytes32)
    {
        return MerkleLog.rootFromInclusion(leaf, index, size, path);
    }

    function consistency(uint64 oldSize, uint64 newSize, bytes32 seed, bytes32[] calldata path)
        external
        view
        returns (bytes32, bytes32)
    {
        return MerkleLog.rootsFromConsistency(oldSize, newSize, seed, path);
    }
}

contract MerkleLogTest {
    uint64 private constant LEAVES = 70;
    MerkleLogCaller private caller = new MerkleLogCaller();

    function testFuzz_inclusion_gives_the_root_of_any_tree(uint256 seed, uint256 pick) public view {
        (bytes32[] memory all, uint64 size) = tree(seed, pick);
        uint64 index = uint64((pick >> 64) % size);
        bytes32[] memory path = ReferenceTree.inclusion(all, index, size);
        require(caller.inclusion(all[index], index, size, path) == ReferenceTree.root(all, size), "root");
    }

    function testFuzz_a_changed_leaf_index_or_hash_gives_another_root(uint256 seed, uint256 pick, uint8 bit)
        public
        view
    {
        (bytes32[] memory all, uint64 size) = tree(seed, pick);
        uint64 index = uint64((pick >> 64) % size);
        bytes32 root = ReferenceTree.root(all, size);
        bytes32[] memory path = ReferenceTree.inclusion(all, index, size);
        bytes32 flipped = bytes32(uint256(all[index]) ^ (1 << bit));
        require(caller.inclusion(flipped, index, size, path) != root, "leaf");
        if (path.length == 0) return;
        uint256 step = (pick >> 128) % path.length;
        path[step] = bytes32(uint256(path[step]) ^ (1 << bit));
        require(caller.inclusion(all[index], index, size, path) != root, "path");
    }

    function testFuzz_a_path_of_another_length_never_fits(uint256 seed, uint256 pick) public {
        (bytes32[] memory all, uint64 size) = tree(seed, pick);
        uint64 index = uint64((pick >> 64) % size);
        bytes32[] memory path = ReferenceTree.inclusion(all, index, size);
        bytes32[] memory longer = ReferenceTree.append(path, all[0]);
        vm.expectRevert(MerkleLog.PathDoesNotFit.selector);
        caller.inclusion(all[index], index, size, longer);
        if (path.length == 0) return;
        bytes32[] memory shorter = shortened(path);
        vm.expectRevert(MerkleLog.PathDoesNotFit.selector);
        caller.inclusion(all[index], index, size, shorter);
    }

    function testFuzz_consistency_gives_both_roots_of_any_two_sizes(uint256 seed, uint256 pick) public view {
        (bytes32[] memory all, uint64 size) = tree(seed, pick);
        if (size == 1) return;
        uint64 oldSize = uint64(1 + (pick >> 64) % (size - 1));
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, oldSize, size);
        (bytes32 oldRoot, bytes32 newRoot) = caller.consistency(oldSize, size, start, path);
        require(oldRoot == ReferenceTree.root(all, oldSize), "old root");
        require(newRoot == ReferenceTree.root(all, size), "new root");
    }

    function testFuzz_a_consistency_path_of_another_length_never_fits(uint256 seed, uint256 pick) public {
        (bytes32[] memory all, uint64 size) = tree(seed, pick);
        if (size == 1) return;
        uint64 oldSize = uint64(1 + (pick >> 64) % (size - 1));
        (bytes32 start, bytes32[] memory path) = ReferenceTree.consistency(all, oldSize, size);
        bytes32[] memory longer = ReferenceTree.append(path, start);
        vm.expectRevert(MerkleLog.PathDoesNotFit.selector);
        caller.consistency(oldSize, size, start, longer);
        bytes32[] memory shorter = shortened(path);
        vm.expectRevert(MerkleLog.PathDoesNotFit.selector);
        caller.consistency(oldSize, size, start, shorter);
    }

    function test_what_no_tree_has_is_refused() public {
        bytes32[] memory path = new bytes32[](65);
        vm.expectRevert(abi.encodeWithSelector(MerkleLog.PathTooLong.selector, 65));
        caller.inclusion(0, 0, type(uint64).max, path);
        vm.expectRevert(abi.encodeWithSelector(MerkleLog.PathTooLong.selector, 65));
        caller.consistency(1, type(uint64).max, 0, path);
        path = new bytes32[](0);
        vm.expectRevert(abi.encodeWithSelector(MerkleLog.IndexOutsideTree.selector, 0, 0));
        caller.inclusion(0, 0, 0, path);
        vm.expectRevert(abi.encodeWithSelector(MerkleLog.IndexOutsideTree.selector, 7, 7));
        caller.inclusion(0, 7, 7, path);
        vm.expectRevert(abi.encodeWithSelector(MerkleLog.SizesNotAscending.selector, 0, 7));
        caller.consistency(0, 7, 0, path);
        vm.expectRevert(abi.encodeWithSelector(MerkleLog.SizesNotAscending.selector, 7, 7));
        caller.consistency(7, 7, 0, path);
    }

    function test_the_largest_size_takes_a_path_of_64_hashes() public view {
        bytes32[] memory path = new bytes32[](64);
        caller.inclusion(0, 0, type(uint64).max, path);
        caller.consistency(1, type(uint64).max, 0, path);
    }

    /// @dev The eight leaves of certificate-transparency's reference tests.
    function test_the_reference_tree_is_rfc6962s() public pure {
        bytes[8] memory entries = [
            bytes(hex""),
            hex"00",
            hex"10",
            hex"2021",
            hex"3031",
            hex"40414243",
            hex"5051525354555657",
            hex"606162636465666768696a6b6c6d6e6f"
        ];
        bytes32[] memory all = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            all[i] = sha256(abi.encodePacked(hex"00", entries[i]));
        }
        require(
            ReferenceTree.root(all, 8) == 0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328, "8"
        );
        require(
            ReferenceTree.root(all, 7) == 0xddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c, "7"
        );
    }

    function tree(uint256 seed, uint256 pick) private pure returns (bytes32[] memory all, uint64 size) {
        size = uint64(1 + uint64(pick) % LEAVES);
        all = ReferenceTree.leaves(seed, 0, size, size);
    }

    function shortened(bytes32[] memory path) private pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](path.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = path[i];
        }
    }
}
