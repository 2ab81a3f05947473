// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The few cheatcodes of forge that these tests use.
interface Vm {
    function addr(uint256 privateKey) external pure returns (address);
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function deal(address account, uint256 value) external;
    function warp(uint256 time) external;
    function chainId(uint256 id) external;
    function fee(uint256 basefee) external;
    function assume(bool condition) external pure;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectPartialRevert(bytes4 selector) external;
    function mockCall(address callee, bytes calldata data, bytes calldata result) external;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
